"""Child processes that start, stop, and end with their parent."""
