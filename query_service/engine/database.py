"""DuckDB in this process: one query a core, with bound values; a query can be interrupted.

Other CPU-bound work can use the same slots. Knows nothing of requests or HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from lakehouse.errors import LocalDiskError
from lakehouse.local_disk import local_disk_error, local_errors
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.latest_sql import changed, merged, signed
from lakehouse.table.planner import FileSet
from query_service.observer import Observer

_INTERRUPT_AGAIN_S = 0.01  # an interrupt before the query has begun, or inside a long function, is lost

T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """SQL with `$name` for values, the values, and in-memory tables that it names."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True)
class LocalFiles:
    """The files of a `FileSet` on disk, in the same order."""

    files: FileSet
    months: tuple[Path, ...]
    tail: tuple[Path, ...]
    merged_tail: tuple[Path, ...] | None = None
    """The merged state of the tail's dates, if it is cached."""
    is_changed: bool = False
    """The query has a table `tail_changes` (`engine.long_tail`), which is used in place of the tail."""

    def state(self, where: str = "") -> str:
        """SELECT of the newest event per flight; `where` may name key columns only."""
        if self.is_changed:
            return changed(self.months, where)
        return merged(self.months, self.tail, {file.flight_date for file in self.files.tail}, where, self.merged_tail)

    def signed(self, where: str = "") -> str:
        """SELECT of rows with a `sign`: 1 for those that count, -1 for those that month files have too many."""
        return signed(self.months, where)


class PrioritySemaphore:
    """A semaphore that prefers work near its end. For one event loop; not thread-safe."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._finishing: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()

    async def acquire(self, is_finishing: bool) -> None:
        """Waits for a slot. `is_finishing`: its results so far take memory, so it has priority."""
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        (self._finishing if is_finishing else self._beginning).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had been given to us just now
                self.release()
            raise

    def release(self) -> None:
        """Frees the slot for the next waiter."""
        for waiting in (self._finishing, self._beginning):
            while waiting:
                turn = waiting.popleft()
                if not turn.done():  # else its waiter has gone
                    turn.set_result(None)
                    return
        self._free += 1


class Database:
    """An empty in-memory database that reads local Parquet files."""

    def __init__(self, folder: Path, memory_mb: int, max_concurrent_queries: int, observer: Observer) -> None:
        """`folder` has the files that queries read and write; its `spill` takes what does not fit into memory."""
        spill = folder / "spill"
        with local_errors(spill):
            spill.mkdir(parents=True, exist_ok=True)
        self._folder = spill
        self._owner = os.getpid()
        self._connection = connect_confined(
            [folder],
            config={
                # As many as queries: left alone, DuckDB starts one for each core of the machine, also where this
                # process may use fewer of them.
                "threads": max_concurrent_queries,
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": str(spill),
                "max_temp_directory_size": f"{memory_mb}MB",
            },
            parquet_metadata_cache=True,
        )
        self._observer = observer
        self._slots = PrioritySemaphore(max_concurrent_queries)
        self._threads = ThreadPoolExecutor(max_concurrent_queries, thread_name_prefix="query")

    async def fetch(self, query: Query, admitted: Callable[[], None]) -> pa.Table:
        """All rows of `query`. Calls `admitted` when its turn has come, which may raise.

        When the caller is cancelled the query is interrupted; its core is free again when it has ended.
        """
        await self._acquire_slot(is_finishing=False)
        try:
            admitted()
            cursor = self._connection.cursor()
            work = asyncio.get_running_loop().run_in_executor(self._threads, _run, cursor, query)
        except BaseException:
            self._slots.release()
            raise
        self._observer.query_began()
        work.add_done_callback(partial(self._ended, time.perf_counter()))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            _interrupt_until_done(cursor, work)
            raise

    async def finish(self, work: Callable[[], T], admitted: Callable[[], None]) -> T:
        """The result of `work` on the rows of a query, in the place of a query, before those that have not begun.

        Calls `admitted` when its turn has come, which may raise. The work cannot be stopped: when the caller is
        cancelled it runs on, and its core is free again when it has ended.
        """
        await self._acquire_slot(is_finishing=True)
        try:
            admitted()
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except BaseException:
            self._slots.release()
            raise
        running.add_done_callback(self._free)
        return await asyncio.shield(running)

    def restore_folder(self) -> bool:
        """Makes the folder again, which a cleaner of temporary folders may have taken; True if it was gone."""
        was_there = self._folder.exists()
        with local_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        return not was_there

    def disk_error(self, error: Exception) -> LocalDiskError:
        """What became of work in the folder that holds this database's."""
        return local_disk_error(self._folder.parent, error)

    def close(self) -> None:
        """Waits for queries that are still running; nothing in a fork, which has none of the threads that run them."""
        if os.getpid() == self._owner:
            self._threads.shutdown(cancel_futures=True)
            self._connection.close()

    async def _acquire_slot(self, is_finishing: bool) -> None:
        """Waits for a core."""
        self._observer.query_queued()
        try:
            await self._slots.acquire(is_finishing)
        finally:
            self._observer.query_left_queue()

    def _ended(self, began: float, work: asyncio.Future[pa.Table]) -> None:
        self._observer.query_ended(time.perf_counter() - began)
        self._free(work)

    def _free(self, work: asyncio.Future[Any]) -> None:
        self._slots.release()
        if not work.cancelled():
            work.exception()  # seen: what was abandoned may fail in silence


def _run(cursor: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
    with cursor:
        for name, table in query.tables.items():
            cursor.register(name, table)  # for this cursor alone
        return cursor.execute(query.sql, dict(query.values)).to_arrow_table()


def _interrupt_until_done(cursor: duckdb.DuckDBPyConnection, work: asyncio.Future[pa.Table]) -> None:
    if work.done():
        return
    with contextlib.suppress(duckdb.ConnectionException):  # it has ended and closed just now
        cursor.interrupt()
    asyncio.get_running_loop().call_later(_INTERRUPT_AGAIN_S, _interrupt_until_done, cursor, work)
