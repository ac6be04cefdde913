"""The table in the bucket: snapshots, plans, files, and the SQL for the newest state of a flight."""
