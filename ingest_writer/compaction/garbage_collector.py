"""Deletes what no reader can need any more. Works from the history of snapshots only; it has no clock.

The order matters: snapshots first, then the files that only they name. On any doubt nothing is deleted.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from ingest_writer.compaction.history import History
from ingest_writer.compaction.model import MAX_RETAINED
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.listed_snapshots import by_number, read_listed
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collected:
    """How many objects one collection deleted."""

    snapshots: int
    landed_files: int
    month_files: int


class GarbageCollector:
    """Collects again and again; its history remembers which month files snapshots name (snapshots never change)."""

    def __init__(
        self,
        store: Store,
        planner: Planner,
        delete_grace_s: float,
        deletes_at_once: int,
        retention_s: float = 0.0,
        history: History | None = None,
    ) -> None:
        """`history` is shared with the compactor, if there is one: what that has read is not read again."""
        self._store = store
        self._planner = planner
        self._history = history or History(store, planner)
        self._retention = dt.timedelta(seconds=retention_s)
        self._grace = dt.timedelta(seconds=delete_grace_s)
        self._deletes_at_once = deletes_at_once

    def collect(self, published: int | None = None) -> Collected:
        """Deletes expired snapshots, absorbed landed files past their grace, and superseded month files.

        `published` is the snapshot that the outside tables are at: it stays, and what follows it, up to MAX_RETAINED
        snapshots, since each version is made from two snapshots. None: there are no such tables.

        Raises the store's errors, SnapshotHistoryLostError, ForeignSnapshotError (nothing was deleted),
        UnreadableError, FormatTooNewError; what is left is the next run's.
        """
        latest = self._planner.latest_snapshot()
        if latest.number == 0:
            return Collected(0, 0, 0)
        listed = list(self._store.list(object_names.SNAPSHOTS))
        expired = self._expired(latest, listed, published)
        landed = self._absorbed_past_grace(latest, listed)
        areas = (object_names.FLIGHTS, object_names.HIDDEN)
        files = {info.name: info for area in areas for info in self._store.list(area)}
        past = self._past_files(latest, files)
        if not (expired or landed or past) or not self._history.check_whole(latest):
            return Collected(0, 0, 0)
        self._history.check_files(latest, files)
        for name in expired:  # from the lowest on, and none above one that is still there: History relies on it
            self._store.delete(name)
        self._delete(landed)
        months = self._superseded(latest, past)
        self._delete(months)
        return Collected(len(expired), len(landed), len(months))

    def _expired(self, latest: Snapshot, listed: list[ObjectInfo], published: int | None) -> list[str]:
        """Snapshots that the latest has given up, up to the first that our own retention would still keep, however many
        there are: who can create a thousand snapshots must not make the others go.
        """
        created = {number: info.created for number, info in by_number(listed).items()}
        unpublished = latest.number if published is None else max(published, latest.number + 1 - MAX_RETAINED)
        found: list[str] = []
        for number, successor in pairwise(sorted(created)):
            is_old = latest.number in created and created[latest.number] - created[successor] >= self._retention
            if number >= min(latest.min_retained, unpublished) or not is_old:
                break
            found.append(object_names.snapshot(number))
        return found

    def _absorbed_past_grace(self, latest: Snapshot, listed: list[ObjectInfo]) -> list[str]:
        """Landed files inside the latest snapshot, older than the grace by the store's clock."""
        created = {info.name: info.created for info in listed}.get(object_names.snapshot(latest.number))
        if created is None:
            return []
        return [
            info.name
            for info in self._store.list(object_names.LANDING)
            if info.name in latest.absorbed and created - info.created >= self._grace
        ]

    def _past_files(self, latest: Snapshot, files: Iterable[str]) -> list[str]:
        """Month files that the latest does not name and whose maker can no longer commit them."""
        named = {entry.name for entry in latest.all_files()}
        return [name for name in files if name not in named and self._is_past(name, latest)]

    def _superseded(self, latest: Snapshot, past: list[str]) -> list[str]:
        """Those of `past` that no retained snapshot names."""
        if not past or not self._has_read_retained(latest):
            return []
        return [name for name in past if name not in self._history.named]

    def _is_past(self, name: str, latest: Snapshot) -> bool:
        """Whether its month has changed since it was made: a compactor commits a month whole, or makes it again."""
        parsed = object_names.parse_month_file(name)
        return parsed is not None and parsed.added_snapshot < latest.added_snapshot(parsed.month)

    def _has_read_retained(self, latest: Snapshot) -> bool:
        """Whether every snapshot that is still listed was read; False when one of them vanished meanwhile."""
        listed = by_number(self._store.list(object_names.SNAPSHOTS))
        self._history.named.add(latest)
        for number in sorted(self._history.named.keep(set(listed))):
            try:
                self._history.named.add(read_listed(self._store, listed[number]))
            except ObjectMissingError:
                log.info("%s went while it was read: month files are left to the next run", listed[number].name)
                return False
        return True

    def _delete(self, names: Iterable[str]) -> None:
        """Deletes all, or raises the first failure once the others are done."""
        with ThreadPoolExecutor(self._deletes_at_once, thread_name_prefix="delete") as pool:
            for _ in pool.map(self._store.delete, names):
                pass
