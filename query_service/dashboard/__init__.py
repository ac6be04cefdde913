"""The pages of the service, from this package: the dashboard `/`, the API's reference `/docs`, and `/problems`.

They are clients of the public API: nothing here knows the lake, queries or DuckDB.
"""
