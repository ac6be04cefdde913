"""Shared by tests, in folders by what it makes or plays; here time,
sizes and progress of long runs, and what files of the repository say."""
