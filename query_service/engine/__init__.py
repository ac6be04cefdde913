"""Runs queries: a plan, its files on disk, DuckDB."""
