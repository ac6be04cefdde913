"""The queries: requests, their SQL, and caches of results and rollups."""
