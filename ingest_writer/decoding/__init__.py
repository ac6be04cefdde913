"""From the bytes of a message to rows and rejected lines."""
