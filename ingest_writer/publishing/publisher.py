"""Brings both outside tables up to the snapshots, and deletes what they no longer need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingest_writer.publishing.delta import DeltaTable
from ingest_writer.publishing.iceberg import IcebergTable
from ingest_writer.publishing.source import Source, open_source
from lakehouse import object_names
from lakehouse.errors import LakeError
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner


@dataclass(frozen=True)
class Published:
    """The snapshot that each table is at."""

    delta: int
    iceberg: int


class Publisher:
    """Publishes again and again; it remembers what it has brought up to date."""

    def __init__(self, store: Store, planner: Planner, trusted: int = 0) -> None:
        """`planner` is used by nobody else: this may run in a thread of its own."""
        self._store = store
        self._planner = planner
        self._trusted = trusted
        self._delta = DeltaTable(store)
        self._iceberg = IcebergTable(store)
        self._done: Published | None = None

    def publish(self) -> Published:
        """Brings both tables up to the latest snapshot; one that fails does not keep the other from it.

        Raises PublishError, ForeignSnapshotError, what reading snapshots raises, and the store's errors.
        """
        if self._done is not None and self._planner.latest_snapshot().number == self._done.delta:
            return self._done
        # The tables before the snapshots: what they are ahead of them, then, is no commit that came meanwhile.
        delta = [info.name for info in self._store.list(object_names.DELTA_LOG)]
        iceberg = [info.name for info in self._store.list(object_names.ICEBERG_METADATA)]
        source = open_source(self._store, self._planner, self._trusted)
        errors: list[LakeError] = []
        versions = [
            _attempt(lambda: self._publish_delta(delta, source), errors),
            _attempt(lambda: self._publish_iceberg(iceberg, source), errors),
        ]
        if errors:
            raise errors[0]
        self._done = Published(*versions)
        return self._done

    def _publish_delta(self, names: list[str], source: Source) -> int:
        version = self._delta.publish(names, source)
        self._delta.clean(names, source.latest.min_retained)
        return version

    def _publish_iceberg(self, names: list[str], source: Source) -> int:
        number = self._iceberg.publish(names, source)
        self._iceberg.clean(names, source.latest.min_retained)
        return number


def _attempt(work: Callable[[], int], errors: list[LakeError]) -> int:
    try:
        return work()
    except LakeError as error:
        errors.append(error)
        return -1
