"""Brings what readers outside begin from - the manifest and the database to attach - up to the latest snapshot."""

from __future__ import annotations

from pathlib import Path

from ingest_writer.compaction.duckdb_catalog import publish_attachable
from ingest_writer.compaction.manifest import publish_manifest
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner


def publish_derived(store: Store, planner: Planner, scratch: Path) -> None:
    """Writes what is not right already. Raises ResourcesExhaustedError and the store's errors."""
    publish_manifest(store, planner)
    scratch.mkdir(parents=True, exist_ok=True)
    publish_attachable(store, planner, scratch)
