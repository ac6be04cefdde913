"""Finds the old snapshot for `snapshot=N`. The newest plan says which numbers are retained."""

from __future__ import annotations

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor

from lakehouse.bounded_lru import BoundedLRU
from lakehouse.errors import SnapshotExpiredError, SnapshotNotYetError
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot
from lakehouse.table.time_travel import check_retained, read_snapshot
from query_service.engine.executor import QueryContext
from query_service.errors import snapshot_expired_error, snapshot_not_yet_error

_REMEMBERED = 64  # of up to 500 months, half a kilobyte each: 16 MB


class TimeTravel:
    """Finds old snapshots; caches the last requested ones, which never change."""

    def __init__(self, store: Store, planner: Planner) -> None:
        """`planner` for this object alone: it is used in another thread."""
        self._store = store
        self._planner = planner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._remembered: BoundedLRU[int, Snapshot] = BoundedLRU(_REMEMBERED)

    def close(self) -> None:
        """Waits for a snapshot that is being read."""
        self._thread.shutdown(cancel_futures=True)

    async def view(self, context: QueryContext, number: int | None) -> QueryContext:
        """The context of that snapshot's month files; `context` itself for None.

        Raises ProblemError (404 not there yet, 410 not retained any more), ObjectMissingError (plan again), and what
        reading a snapshot raises.
        """
        if number is None:
            return context
        try:
            check_retained(number, context.plan.snapshot)
            return context.of(await self._snapshot(number, context.plan.snapshot))
        except SnapshotNotYetError as error:
            context.check_listed_since_arrival()
            raise snapshot_not_yet_error(number, error.latest) from None
        except SnapshotExpiredError as error:
            raise snapshot_expired_error(number, error.min_retained) from None

    async def _snapshot(self, number: int, latest: Snapshot) -> Snapshot:
        if number == latest.number:
            return latest
        found = self._remembered.get(number)
        if found is None:
            read = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, number)
            found = dataclasses.replace(read, absorbed=frozenset())  # long, and about the tail
            self._remembered.put(number, found)
        return found

    def _read(self, number: int) -> Snapshot:
        return read_snapshot(self._store, number, self._planner.latest_snapshot)
