"""Keeps `flights.manifest` in step with the latest snapshot: one URI a line, for engines outside.

Derived and never read by us but to see whether it is right. Generation first, then the snapshot, then the
write with that generation: whoever writes last has read the newest.
"""

from __future__ import annotations

from lakehouse import names
from lakehouse.errors import ObjectMissingError
from lakehouse.plan import Planner
from lakehouse.snapshot import Snapshot
from lakehouse.store import Store


def publish_manifest(store: Store, planner: Planner) -> bool:
    """Writes the manifest if it is not right already; True when it did. Raises the store's errors."""
    generation = store.generation(names.MANIFEST)
    wanted = manifest(store.url, planner.latest_snapshot())
    try:
        if generation and store.read(names.MANIFEST) == wanted:
            return False
    except ObjectMissingError:
        return False  # somebody deletes it: the next run writes it anew
    return store.replace(names.MANIFEST, wanted, generation)


def manifest(url: str, snapshot: Snapshot) -> bytes:
    """The month files of the snapshot as URIs, by month."""
    return "".join(f"{url}/{snapshot.months[month].path}\n" for month in sorted(snapshot.months)).encode()
