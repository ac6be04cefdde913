"""Thousands of odd requests from a seed, and the invariants of every answer."""
