"""The API in this process or as one of its own, what is asked of it, and readers of its answers."""
