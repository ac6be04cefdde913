"""Keeps the Delta and the Iceberg table in step with the snapshots."""
