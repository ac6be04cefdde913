"""The pages of the service: the dashboard at `/` and the API's reference at `/docs`, served from this package.

They are callers of the public API like any other: nothing here knows the lake, a question or DuckDB.
"""
