"""The Delta and the Iceberg table: bytes computed from snapshots, for engines outside. Nothing here does I/O."""
