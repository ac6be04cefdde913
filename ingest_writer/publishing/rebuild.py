"""Writes both outside tables anew from the snapshots: `python -m ingest_writer publish --rebuild`.

For a table that was lost or damaged, or that names the files of another bucket. What is right stays.
The latest version is put right first, so that readers come back before the older ones do.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest_writer.publishing.publisher import Published
from ingest_writer.publishing.source import Source, open_source
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, PublishError, UnreadableError
from lakehouse.store.store import Store
from lakehouse.table.derived.content import shown_files
from lakehouse.table.derived.delta_checkpoint import checkpoint
from lakehouse.table.derived.delta_log import CHECKPOINT_EVERY, commit, first_commit
from lakehouse.table.derived.delta_log import hint as delta_hint
from lakehouse.table.derived.iceberg_manifest import manifest, manifest_list, root_of
from lakehouse.table.derived.iceberg_metadata import MAX_HISTORY, table_metadata
from lakehouse.table.derived.iceberg_metadata import hint as iceberg_hint
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY


def rebuild(store: Store, planner: Planner, trusted: int = 0) -> Published:
    """Writes what a lake of these snapshots has, and deletes everything else below the two tables' metadata.

    Raises PublishError when another process changes an object at the same time (run it again), ForeignSnapshotError,
    what reading snapshots raises, and the store's errors.
    """
    # The tables before the snapshots: what others publish meanwhile is not among the names, and stays.
    names = [info.name for area in (object_names.DELTA_LOG, object_names.ICEBERG) for info in store.list(area)]
    source = open_source(store, planner, trusted)
    objects = _Objects(store, set(names))
    _rebuild_delta(objects, source)
    if source.latest.number != EMPTY.number:
        _rebuild_iceberg(objects, source, root_of(store.url))
    objects.delete_others()
    return Published(source.latest.number, source.latest.number)


class _Objects:
    """Puts objects right, and remembers which ones have to be there."""

    def __init__(self, store: Store, names: set[str]) -> None:
        self._store = store
        self._others = names

    def put(self, name: str, data: bytes) -> None:
        """Makes it the content of the object."""
        self._others.discard(name)
        generation = self._store.generation(name)
        if generation and self._read(name) == data:
            return
        if not self._store.replace(name, data, generation):
            raise PublishError(f"{name}: another process changed it meanwhile: run it again")

    def delete(self, names: Iterable[str]) -> None:
        """Those of the names that are there."""
        for name in names:
            if name in self._others:
                self._store.delete(name)
                self._others.discard(name)

    def delete_others(self) -> None:
        """All that was listed and is not among those that were put."""
        self.delete(sorted(self._others))

    def above(self, version: int) -> list[str]:
        """The objects of the log beyond a version, the highest first."""
        numbers = {name: object_names.parse_delta_commit(name) for name in self._others}
        numbers |= {name: n for name in self._others if (n := object_names.parse_delta_checkpoint(name)) is not None}
        return sorted((name for name, n in numbers.items() if n is not None and n > version), reverse=True)

    def _read(self, name: str) -> bytes | None:
        try:
            return self._store.read(name)
        except (ObjectMissingError, UnreadableError):
            return None


def _rebuild_delta(objects: _Objects, source: Source) -> None:
    latest = source.latest.number
    objects.delete(objects.above(latest))
    if latest == EMPTY.number:
        objects.put(object_names.delta_commit(latest), first_commit())
        return
    retained = _first(source)
    first = 1 if retained == 1 else retained + 1  # the first version whose commit can be said
    _put_checkpoint(objects, latest, source)
    _put_commit(objects, latest, source)
    data = delta_hint(latest, len(shown_files(source.latest)))
    objects.put(object_names.DELTA_HINT, data)
    if first == 1:
        objects.put(object_names.delta_commit(EMPTY.number), first_commit())
    for version in range(first, latest):
        _put_commit(objects, version, source)
        if version % CHECKPOINT_EVERY == 0 or version == first > 1:
            _put_checkpoint(objects, version, source)


def _first(source: Source) -> int:
    """The lowest retained snapshot from which on all are there."""
    number = source.latest.number
    while number > max(source.latest.min_retained, 1) and source.has(number - 1):
        number -= 1
    return number


def _put_commit(objects: _Objects, version: int, source: Source) -> None:
    before, after = source.step(version)
    objects.put(object_names.delta_commit(version), commit(before, after, source.created_ms(version)))


def _put_checkpoint(objects: _Objects, version: int, source: Source) -> None:
    data = checkpoint(source.read(version), source.created_ms(version))
    objects.put(object_names.delta_checkpoint(version), data)


def _rebuild_iceberg(objects: _Objects, source: Source, root: str) -> None:
    latest = source.latest.number
    first = max(_first(source), latest - MAX_HISTORY + 1)
    for number in range(first, latest + 1):
        snapshot = source.read(number)
        data = manifest(root, snapshot)
        objects.put(object_names.iceberg_manifest(number), data)
        objects.put(object_names.iceberg_manifest_list(number), manifest_list(root, snapshot, len(data)))
        created_ms = {each: source.created_ms(each) for each in range(first, number + 1)}
        objects.put(object_names.iceberg_table(number), table_metadata(root, snapshot, created_ms))
    objects.put(object_names.ICEBERG_HINT, iceberg_hint(latest))
