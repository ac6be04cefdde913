"""Files that people have: the on-time file of the US DOT, and rows of our own."""
