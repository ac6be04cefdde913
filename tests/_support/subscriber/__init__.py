"""A subscription and a store with faults, and a bench that runs a writer on them in virtual time."""
