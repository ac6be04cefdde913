"""Object storage: the `Store` protocol and its three implementations."""
