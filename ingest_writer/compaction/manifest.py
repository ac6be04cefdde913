"""Keeps `flights.manifest` in step with the latest snapshot: one URI a line, for engines outside.

The services never use it; it is read only to see whether it is up to date. The generation is read
first, then the snapshot, then the write names that generation: the last writer has read the newest
snapshot.
"""

from __future__ import annotations

from ingest_writer.compaction.published import is_published
from lakehouse import object_names
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot


def publish_manifest(store: Store, planner: Planner) -> bool:
    """Writes the manifest unless it is up to date; True when it did. Raises the store's errors."""
    generation = store.generation(object_names.MANIFEST)
    wanted = manifest(store.url, planner.latest_snapshot())
    if generation and is_published(store, object_names.MANIFEST, wanted):
        return False
    return store.replace(object_names.MANIFEST, wanted, generation)


def manifest(url: str, snapshot: Snapshot) -> bytes:
    """The month files of the snapshot as URIs, by month."""
    return "".join(f"{url}/{snapshot.months[month].name}\n" for month in sorted(snapshot.months)).encode()
