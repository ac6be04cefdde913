"""The table in the bucket: snapshots, plans, files, and "newest wins" as SQL."""
