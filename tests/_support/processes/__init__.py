"""Commands, servers and engines as processes, and what may happen to them."""
