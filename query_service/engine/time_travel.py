"""Views of old snapshots: what `snapshot=N` is answered from. Which numbers are retained, the newest plan says."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict

from lakehouse.errors import SnapshotExpiredError, SnapshotNotYetError
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot
from lakehouse.table.time_travel import check_retained, read_snapshot
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.errors import snapshot_collected_error, snapshot_not_yet_error

_REMEMBERED = 64  # of up to 500 months, half a kilobyte each: 16 MB


class History:
    """Finds old snapshots; remembers the last ones that were asked for, which never change."""

    def __init__(self, store: Store, planner: Planner, executor: QueryExecutor) -> None:
        """`planner` for this object alone: it is used in other threads."""
        self._store = store
        self._planner = planner
        self._executor = executor
        self._reading = threading.Lock()
        self._remembered: OrderedDict[int, Snapshot] = OrderedDict()  # least recently used first

    async def view(self, view: QueryContext, number: int | None) -> QueryContext:
        """A view of the month files of that snapshot alone; `view` itself for None.

        Raises ProblemError (404 not there yet, 410 not retained any more), ObjectMissingError (plan again), and what
        reading a snapshot raises.
        """
        if number is None:
            return view
        try:
            check_retained(number, view.plan.snapshot)
            return view.of(await self._snapshot(number, view.plan.snapshot))
        except SnapshotNotYetError as error:
            view.check_listed_since_arrival()
            raise snapshot_not_yet_error(number, error.latest) from None
        except SnapshotExpiredError as error:
            raise snapshot_collected_error(number, error.min_retained) from None

    async def _snapshot(self, number: int, latest: Snapshot) -> Snapshot:
        if number == latest.number:
            return latest
        if number not in self._remembered:
            found = await self._executor.in_thread(lambda: self._read(number))
            self._remembered[number] = dataclasses.replace(found, absorbed=frozenset())  # long, and about the tail
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(number)
        return self._remembered[number]

    def _read(self, number: int) -> Snapshot:
        with self._reading:
            return read_snapshot(self._store, number, self._planner.latest_snapshot)
