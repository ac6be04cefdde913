"""The pages of the service: the dashboard at `/` and the API's reference at `/docs`, served from this package.

They are clients of the public API: nothing here knows the lake, queries or DuckDB.
"""
