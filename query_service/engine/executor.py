"""Runs a query: takes a plan, pins the files of its dates, runs SQL; plans again if a file is gone.

Each answer comes from one plan. Knows nothing of endpoints or HTTP.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from lakehouse.errors import DiskFullError, FormatTooNewError, LocalDiskError, ObjectMissingError, UnreadableError
from lakehouse.table.file_cache import FileCache
from lakehouse.table.parquet_files import batches
from lakehouse.table.planner import Dates, FileSet, Landing, Now, Plan
from lakehouse.table.snapshot import Snapshot
from query_service.engine.database import Database, LocalFiles, Query
from query_service.engine.long_tail import LongTail
from query_service.engine.plan_cache import PlanCache
from query_service.engine.tail_cache import TailCache
from query_service.errors import (
    deadline_error,
    no_plan_error,
    out_of_memory_error,
    overloaded_error,
    too_many_dates_error,
    vanished_error,
)
from query_service.observer import Observer

_FETCHES = 3  # a cleaner takes a folder once, not after each download
_PLANS = 4  # the first, and three more when files are gone: garbage collection in a hurry, not a broken lake

_log = logging.getLogger(__name__)
T = TypeVar("T")


class QueryContext:
    """One plan, for the duration of one answer."""

    def __init__(self, plan: Plan, executor: QueryExecutor, arrived: dt.datetime) -> None:
        self.plan = plan
        self._executor = executor
        self._arrived = arrived

    def of(self, snapshot: Snapshot) -> QueryContext:
        """The same context for the month files of an old `snapshot`, without a tail."""
        return QueryContext(Plan(snapshot, Landing((), 0), self.plan.listed_at), self._executor, self._arrived)

    def check_listed_since_arrival(self) -> None:
        """Call it before refusing data as not there yet: another instance may have shown it.

        Makes the executor plan again, unless this plan was listed after the request arrived.
        """
        if self.plan.listed_at < self._arrived:
            raise _PlanOutdatedError

    def files(self, dates: Dates, *, asks_hidden: bool = False) -> FileSet:
        """The files that can have flights of these dates.

        Hidden ones are among them where the tail has events, which may be older; all of the dates if `asks_hidden`.
        """
        plan = self.plan
        tail = plan.tail_between(dates.first, dates.last)
        hidden = plan.hidden_between(dates.first, dates.last) if asks_hidden else plan.hidden_beside(tail)
        shown = plan.months_between(dates.first, dates.last)
        return FileSet((*shown, *hidden) if hidden else shown, tail)

    async def fetch(
        self, files: FileSet, make_query: Callable[[LocalFiles], Query], use_tail_cache: bool = False
    ) -> pa.Table:
        """The rows of the query that `make_query` makes of the files on disk.

        `use_tail_cache`: uses and fills the tail cache, where that pays off.
        Raises ObjectMissingError (plan again), UnreadableError, and ProblemError when there is no room.
        """
        return await self._executor.fetch(self.plan, self._arrived, files, make_query, use_tail_cache)

    async def tail_changes(self, files: FileSet) -> pa.Table | None:
        """What the tail of `files` changes, if it is long (`engine.long_tail`). Raises like `fetch`."""
        return await self._executor.tail_changes(self.plan, self._arrived, files)

    async def unreadable(self, files: FileSet) -> list[UnreadableError]:
        """Downloads missing `files`; returns the errors of damaged ones. Raises other failures."""
        return await self._executor.unreadable(files)


class QueryExecutor:
    """Answers requests, with limits on concurrency and time."""

    def __init__(
        self,
        plan_cache: PlanCache,
        cache: FileCache,
        tail_cache: TailCache,
        long_tail: LongTail,
        database: Database,
        *,
        now: Now,
        cache_bytes: int,
        at_once: int,
        timeout_s: float,
        observer: Observer,
    ) -> None:
        self._plan_cache = plan_cache
        self._cache = cache
        self._tail_cache = tail_cache
        self._long_tail = long_tail
        self._database = database
        self._now = now
        self._cache_bytes = cache_bytes
        self._at_once = at_once
        self.timeout_s = timeout_s
        self._observer = observer
        self._under_way = 0

    async def answer(self, ask: Callable[[QueryContext], Awaitable[T]]) -> T:
        """What `ask` makes of the context of a plan. Raises ProblemError and LakeError."""
        async with self.admission():
            return await self.run(ask)

    @asynccontextmanager
    async def admission(self) -> AsyncIterator[None]:
        """Counts a request and bounds its time while the block runs. Raises ProblemError."""
        self.check_room()
        self._observer.admitted()
        self._under_way += 1
        try:
            async with asyncio.timeout(self.timeout_s) as deadline:
                yield
        except TimeoutError:
            if deadline.expired():
                raise deadline_error(self.timeout_s) from None
            raise
        except LocalDiskError:
            self._observer.disk_failed()
            raise
        finally:
            self._under_way -= 1

    def check_room(self) -> None:
        """Raises ProblemError (503) while as many requests as may be are under way."""
        if self._under_way >= self._at_once:
            self._observer.shed()
            raise overloaded_error(self._at_once)

    @property
    def under_way(self) -> int:
        """Requests that are taken and not answered yet."""
        return self._under_way

    async def run(self, ask: Callable[[QueryContext], Awaitable[T]]) -> T:
        """The same without a place and a deadline of its own: those are the caller's part."""
        arrived = self._now()
        plan = await self._plan_cache.plan()
        for attempt in range(_PLANS):
            try:
                value = await ask(QueryContext(plan, self, arrived))
                self._check_age(plan, plan.listed_at)  # not frozen for longer than an answer may take
                return value
            except _PlanOutdatedError:
                plan = await self._plan_cache.refresh(arrived)  # good for as long as an answer may take
            except ObjectMissingError as error:
                _log.info("%s is gone; planning again", error.name)
                plan = await self._plan_cache.refresh(self._now())
                if plan.names_file(error.name) or attempt == _PLANS - 1:
                    raise vanished_error(error.name) from error
        raise no_plan_error("The lake changes faster than this question can be answered.")

    async def fetch(
        self,
        plan: Plan,
        arrived: dt.datetime,
        files: FileSet,
        make_query: Callable[[LocalFiles], Query],
        use_tail_cache: bool,
    ) -> pa.Table:
        """See `QueryContext.fetch`.

        When it is the query's turn, and right before it runs, the plan's age is looked at again.
        """
        if files.bytes > self._cache_bytes:
            for file in files.all:
                file.check_listed()  # it may be one file that no writer makes
            raise too_many_dates_error(files.bytes, self._cache_bytes)
        attempt, has_made_room = 0, False
        while True:
            try:
                return await self._fetch(plan, arrived, files, make_query, use_tail_cache)
            except DiskFullError as error:  # of a download, or of what DuckDB spills
                if has_made_room or not await self._make_room():
                    raise
                has_made_room = True
                _log.warning("files that no question uses were deleted: %s", error)
            except _LocalFileLostError as error:
                attempt += 1
                _log.warning("%s (%d)", error, attempt)
                if attempt == _FETCHES:
                    raise self._database.disk_error(error) from None

    async def _fetch(
        self,
        plan: Plan,
        arrived: dt.datetime,
        files: FileSet,
        make_query: Callable[[LocalFiles], Query],
        use_tail_cache: bool,
    ) -> pa.Table:
        async def fetched(query: Query) -> pa.Table:
            return await self._database.fetch(query, lambda: self._check_age(plan, arrived))

        with self._cache.pin(files.all) as downloads:
            paths = [await _path_of(download) for download in downloads]
            count = len(files.months)
            local = LocalFiles(files, tuple(paths[:count]), tuple(paths[count:]))
            try:
                is_large = use_tail_cache and files.tail_bytes >= self._tail_cache.min_bytes
                if not (is_large and self._tail_cache.should_cache(files)):
                    return await fetched(make_query(local))
                async with self._tail_cache.of(local, fetched) as local:
                    return await fetched(make_query(local))
            except duckdb.OutOfMemoryException as error:
                _log.warning("a query hit the memory limit: %s", str(error).partition("\n")[0])
                raise out_of_memory_error() from None
            except duckdb.Error as error:
                await asyncio.to_thread(_find_lost, local, self._database)
                await asyncio.to_thread(_find_broken, files, paths)
                if isinstance(error, duckdb.IOException):  # all files are well: it was writing
                    raise self._database.disk_error(error) from error
                raise
            except OSError as error:
                raise self._database.disk_error(error) from error

    async def tail_changes(self, plan: Plan, arrived: dt.datetime, files: FileSet) -> pa.Table | None:
        """See QueryContext.tail_changes."""
        if len(files.tail) < self._long_tail.min_files or not self._long_tail.is_possible(files):
            return None
        if files.tail_bytes > self._cache_bytes // 2:
            return None

        async def fetch(some: FileSet, make_query: Callable[[LocalFiles], Query]) -> pa.Table:
            return await self.fetch(plan, arrived, some, make_query, use_tail_cache=False)

        return await self._long_tail.changes(plan, files, fetch, self._cache.pin)

    async def _make_room(self) -> bool:
        """Deletes what the caches keep on disk and nobody uses; False when there was nothing."""
        has_dropped_dates = self._tail_cache.drop_unused()
        return await asyncio.to_thread(self._cache.drop_unused) or has_dropped_dates

    async def unreadable(self, files: FileSet) -> list[UnreadableError]:
        """See `QueryContext.unreadable`."""
        found = []
        with self._cache.pin(files.all) as downloads:
            for download in downloads:
                try:
                    await _path_of(download)
                except FormatTooNewError as error:
                    why = "was written in a newer format than this service knows"
                    found.append(UnreadableError(error.name, why))
                except UnreadableError as error:
                    found.append(error)
        return found

    def is_fresh_enough(self, plan: Plan, arrived: dt.datetime) -> bool:
        """Whether a request that arrived then may be answered from `plan` right now."""
        return self._plan_cache.is_fresh_enough(plan, arrived)

    def _check_age(self, plan: Plan, arrived: dt.datetime) -> None:
        if not self.is_fresh_enough(plan, arrived):
            raise _PlanOutdatedError


class _LocalFileLostError(Exception):
    """Something outside (a cleaner of temporary folders) took a file while a query read it, or before."""


class _PlanOutdatedError(Exception):
    """The plan has become too old, or lacks the requested data: plan again."""


async def _path_of(download: Future[Path]) -> Path:
    """Waits without a thread. A caller that leaves cancels nothing: others may wait for it too."""
    if not download.done():
        loop, is_done = asyncio.get_running_loop(), asyncio.Event()
        download.add_done_callback(lambda _: loop.call_soon_threadsafe(is_done.set))
        await is_done.wait()
    return download.result()


def _find_lost(local: LocalFiles, database: Database) -> None:
    """After a failed query: raises _LocalFileLostError when something that it needs has been taken away."""
    for path in (*local.months, *local.tail, *(local.merged_tail or ())):
        if not path.exists():
            raise _LocalFileLostError(f"{path} is gone: something took it from the folder")
    if database.restore_folder():
        raise _LocalFileLostError("the folder for what does not fit into memory was gone")


def _find_broken(files: FileSet, paths: Sequence[Path]) -> None:
    """After a failed query: raises UnreadableError for the first file that explains it."""
    for name, path in zip(files.names, paths, strict=True):
        try:
            for _ in batches(name, path):
                pass
        except UnreadableError as error:
            raise UnreadableError(name, f"its pages cannot be decoded: {error.why}") from error
