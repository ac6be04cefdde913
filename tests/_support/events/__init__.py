"""Events and messages: built, decoded, drawn at random."""
