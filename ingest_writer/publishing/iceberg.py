"""Writes the metadata of the Iceberg table: `v<N>.metadata.json` is snapshot N, and a hint names the latest.

Whatever metadata names is there before it, and it is there before the hint. So a reader, at any
moment, finds the table of some snapshot.
"""

from __future__ import annotations

from collections.abc import Collection

from ingest_writer.publishing.objects import advance, ensure_created
from ingest_writer.publishing.source import Source
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, PublishError, UnreadableError
from lakehouse.store.store import Store
from lakehouse.table.derived.iceberg_manifest import manifest, manifest_list, root_of
from lakehouse.table.derived.iceberg_metadata import MAX_HISTORY, hint, hinted_number, table_metadata
from lakehouse.table.snapshot import EMPTY, Snapshot


def listed_tables(names: Collection[str]) -> set[int]:
    """The snapshots that have metadata, among the names of a listing."""
    return {number for name in names if (number := object_names.parse_iceberg_table(name)) is not None}


class IcebergTable:
    """Publishes again and again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._root = root_of(store.url)

    def publish(self, names: Collection[str], source: Source) -> int:
        """Brings the table up to the latest snapshot; returns its number. `names` were listed before the snapshots.

        There is no table before the first snapshot. Raises PublishError, what reading snapshots raises, and the
        store's errors.
        """
        tables = listed_tables(names)
        published = max(tables, default=EMPTY.number)
        latest = source.latest.number
        if published > latest:
            raise PublishError(
                f"{object_names.iceberg_table(published)}: the latest snapshot is {latest}, so this is of no"
                " snapshot: run `python -m ingest_writer publish --rebuild`"
            )
        if latest == EMPTY.number:
            return latest
        for number in _missing(published, source):
            self._create(source.read(number), tables, source)
            tables.add(number)
        advance(self._store, object_names.ICEBERG_HINT, hint(latest), hinted_number)
        return latest

    def clean(self, names: Collection[str], min_retained: int) -> None:
        """Deletes what is of snapshots before `min_retained`, once the hint names a later one."""
        found = ((name, object_names.parse_iceberg(name)) for name in names)
        # Metadata before what it names: the names of the three kinds are in that order, from the last on.
        old = sorted((name for name, number in found if number is not None and number < min_retained), reverse=True)
        if not old or self._hinted() < min_retained:
            return
        for name in old:
            self._store.delete(name)

    def _create(self, snapshot: Snapshot, tables: set[int], source: Source) -> None:
        """The metadata last: it names the others."""
        number = snapshot.number
        data = manifest(self._root, snapshot)
        ensure_created(self._store, object_names.iceberg_manifest(number), data)
        listed = manifest_list(self._root, snapshot, len(data))
        ensure_created(self._store, object_names.iceberg_manifest_list(number), listed)
        history = {each for each in tables if snapshot.min_retained <= each < number and source.has(each)}
        created_ms = {each: source.created_ms(each) for each in history | {number}}
        metadata = table_metadata(self._root, snapshot, created_ms)
        ensure_created(self._store, object_names.iceberg_table(number), metadata)

    def _hinted(self) -> int:
        try:
            return hinted_number(self._store.read(object_names.ICEBERG_HINT))
        except (ObjectMissingError, UnreadableError):
            return EMPTY.number


def _missing(published: int, source: Source) -> range:
    """The snapshots to publish: those since the last one; only the latest of a lake older than its table."""
    latest = source.latest.number
    first = latest if published == EMPTY.number else max(published + 1, latest - MAX_HISTORY + 1)
    if not all(source.has(number) for number in range(first, latest)):
        first = latest
    return range(min(first, latest + 1), latest + 1)
