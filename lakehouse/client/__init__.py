"""For analysts: `connect()`, the `sql` command, exports, `verify`."""
