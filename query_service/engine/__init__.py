"""Runs queries: plans, local files, DuckDB, the tail cache."""
