"""The peers, each written as a user would write it: one process a peer, started by its measure."""
