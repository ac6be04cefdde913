"""Merges landed files into month files, commits snapshots, deletes what has expired."""
