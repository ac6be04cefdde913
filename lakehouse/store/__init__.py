"""Object storage: the protocol of a store, and three of them."""
