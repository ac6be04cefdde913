"""Shared by tests, in folders by what it makes or plays; here what any of them may need: time, faults, sizes."""
