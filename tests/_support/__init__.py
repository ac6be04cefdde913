"""Shared by tests: builders, fakes, oracles, clients."""
