"""The US DOT's on-time performance file: names of its columns, its cells, its local times, its rows."""
