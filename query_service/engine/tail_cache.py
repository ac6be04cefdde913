"""Caches the merged state of dates with a large tail, on disk, for many queries.

The input files never change, so the merged state stays valid. When files land, the date is merged
again from its cached state and the new files; when its month file is replaced, from all files. The
size is bounded; the least recently used date is evicted first.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import logging
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.local_disk import local_disk_error, local_errors
from lakehouse.schema.event import COLUMNS
from lakehouse.table.latest_sql import newest, quoted, read_files
from lakehouse.table.planner import FileSet
from lakehouse.table.snapshot import MonthFile
from query_service.engine.database import LocalFiles, Query

_GROWTH: Final = 2
"""A cached state takes at most about this many times the bytes of its inputs (less compression)."""
_MOST_DATES: Final = 100
"""Of one request: DuckDB writes as many files at once, each from memory of its own."""

_DISK_ERRORS: Final = (duckdb.IOException, OSError)

_COLUMNS: Final = ", ".join(COLUMNS)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Inputs:
    """The inputs of a date's state, by name and checksum: a restored object may differ."""

    months: frozenset[tuple[str, int]]
    """The files that have the date: one of flights that are shown, one of those that are hidden."""
    tail: frozenset[tuple[str, int]]

    def extends(self, other: _Inputs) -> bool:
        """Whether these are the files of `other`, and more landed ones."""
        return self.months == other.months and self.tail > other.tail

    def made(self, state: _CachedState) -> bool:
        """Whether these are the files of the state."""
        return self == state.inputs


@dataclass
class _CachedState:
    """The merged state of a date. Its files stay as long as a query reads them."""

    inputs: _Inputs
    folder: Path
    paths: tuple[Path, ...]
    bytes: int
    users: int = 0
    is_cached: bool = True


class TailCache:
    """The cached states. For one event loop; not thread-safe."""

    def __init__(self, folder: Path, max_bytes: int, min_bytes: int) -> None:
        """Empties `folder` and needs it alone. 0 turns it off; `min_bytes`: smallest tail."""
        shutil.rmtree(folder, ignore_errors=True)
        with local_errors(folder):
            folder.mkdir(parents=True)
        self._folder = folder
        self._max_bytes = max_bytes
        self.min_bytes = min_bytes
        self._cached: BoundedLRU[dt.date, _CachedState] = BoundedLRU(max_bytes)
        self._disk_bytes = 0
        self._merging = asyncio.Lock()
        self._attempts = itertools.count(1)  # no path is used twice: DuckDB remembers what it read in one
        self._states_by_folder: Counter[Path] = Counter()  # a folder that is not here is of an abandoned query

    @property
    def stats(self) -> CacheStats:
        """Counters since this object was made. The bytes are on disk."""
        return replace(self._cached.stats, bytes=self._disk_bytes)

    def drop_unused(self) -> bool:
        """Evicts all states, to make room on the disk; False when queries read all that there are."""
        dropped = self._cached.clear()
        self._evict(dropped)
        return any(state.users == 0 for state in dropped)

    def should_cache(self, files: FileSet) -> bool:
        """Whether a tail of at least `min_bytes` has few dates, which fit into about half of the cache."""
        dates = {file.flight_date for file in files.tail}
        if not 0 < len(dates) <= _MOST_DATES:
            return False
        read = files.tail_bytes + sum(_bytes_of(month, dates) for month in files.months)
        return _GROWTH * read <= self._max_bytes // 2

    @asynccontextmanager
    async def of(self, local: LocalFiles, fetch: Callable[[Query], Awaitable[pa.Table]]) -> AsyncIterator[LocalFiles]:
        """`local` with the merged state of its tail's dates, until the block ends; else `local`.

        `fetch` runs the merging query, one at a time. Its errors are raised, except DuckDB's:
        merging and writing may need more memory and disk than the request.
        """
        used: list[_CachedState] | None = None
        try:
            used = await self._acquire(local, fetch)
        except (duckdb.Error, OSError) as error:
            why = local_disk_error(self._folder, error) if isinstance(error, _DISK_ERRORS) else error
            _log.warning("the tail cache is not used for one request: %s", str(why).partition("\n")[0])
        if used is None:
            yield local
            return
        try:
            yield replace(local, merged_tail=tuple(path for state in used for path in state.paths))
        finally:
            self._release(used)

    async def _acquire(
        self, local: LocalFiles, fetch: Callable[[Query], Awaitable[pa.Table]]
    ) -> list[_CachedState] | None:
        """The state of each date of the tail, marked as in use; None if there is no room."""
        inputs_of = _inputs_by_date(local.files)
        if self._are_cached(inputs_of):
            return _used(self._find(inputs_of).values())
        async with self._merging:
            self._drop_lost(inputs_of)
            cached = self._find(inputs_of)
            missing = {date: inputs for date, inputs in inputs_of.items() if date not in cached}
            if missing and self._disk_bytes > 2 * self._max_bytes:
                return None
            found = _used(cached.values())
            try:
                return found + await self._merge(missing, local, fetch)
            except BaseException:
                self._release(found)
                raise

    def _are_cached(self, inputs_of: Mapping[dt.date, _Inputs]) -> bool:
        self._drop_lost(inputs_of)
        states = ((inputs, self._cached.peek(date)) for date, inputs in inputs_of.items())
        return all(state is not None and inputs.made(state) for inputs, state in states)

    def _find(self, inputs_of: Mapping[dt.date, _Inputs]) -> dict[dt.date, _CachedState]:
        """The states of those dates that are cached; the others are misses."""
        states = {date: self._cached.get(date, inputs.made) for date, inputs in inputs_of.items()}
        return {date: state for date, state in states.items() if state is not None}

    def _drop_lost(self, dates: Iterable[dt.date]) -> None:
        """Something outside (a cleaner of temporary folders) may have taken files away."""
        for date in dates:
            cached = self._cached.peek(date)
            if cached is not None and not all(path.exists() for path in cached.paths):
                self._cached.remove(date)
                self._evict([cached])

    async def _merge(
        self, missing: Mapping[dt.date, _Inputs], local: LocalFiles, fetch: Callable[[Query], Awaitable[pa.Table]]
    ) -> list[_CachedState]:
        """Merges the missing dates in one query and caches them."""
        if not missing:
            return []
        self._remove_abandoned()
        known = {
            date: cached
            for date, inputs in missing.items()
            if (cached := self._cached.peek(date)) is not None and inputs.extends(cached.inputs)
        }
        _used(known.values())
        folder = self._folder / str(next(self._attempts))
        try:
            await fetch(Query(_sql(missing, known, local, folder)))
        finally:
            self._release(known.values())
        merged = {date: _written(folder, date, inputs) for date, inputs in missing.items()}
        for date, state in merged.items():
            state.users += 1
            self._states_by_folder[folder] += 1
            self._disk_bytes += state.bytes
            self._evict(self._cached.put(date, state, state.bytes))
        return list(merged.values())

    def _release(self, taken: Iterable[_CachedState]) -> None:
        for state in taken:
            state.users -= 1
            self._remove_unused(state)

    def _evict(self, dropped: Iterable[_CachedState]) -> None:
        for state in dropped:
            state.is_cached = False
            self._remove_unused(state)

    def _remove_unused(self, state: _CachedState) -> None:
        if state.is_cached or state.users > 0:
            return
        for path in state.paths:
            path.unlink(missing_ok=True)
        self._disk_bytes -= state.bytes
        self._states_by_folder[state.folder] -= 1
        if self._states_by_folder[state.folder] == 0:
            del self._states_by_folder[state.folder]
            shutil.rmtree(state.folder, ignore_errors=True)

    def _remove_abandoned(self) -> None:
        """Removes the output of failed or cancelled queries; such a query may still be writing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in self._folder.iterdir():
            if folder not in self._states_by_folder:
                shutil.rmtree(folder, ignore_errors=True)


def _used(states: Iterable[_CachedState]) -> list[_CachedState]:
    """The states, marked as in use."""
    used = list(states)
    for state in used:
        state.users += 1
    return used


def _inputs_by_date(files: FileSet) -> dict[dt.date, _Inputs]:
    """The dates of the tail, and the inputs of each."""
    tails: dict[dt.date, set[tuple[str, int]]] = {}
    for file in files.tail:
        tails.setdefault(file.flight_date, set()).add((file.name, file.crc32c))
    return {date: _Inputs(_months_of(date, files), frozenset(tail)) for date, tail in sorted(tails.items())}


def _sql(missing: Collection[dt.date], known: Mapping[dt.date, _CachedState], local: LocalFiles, folder: Path) -> str:
    """COPY of the state of the `missing` dates, a folder for each; `known` is an earlier state of some of them."""
    merged_yet = {name for state in known.values() for name, _ in state.inputs.tail}
    dates = ", ".join(f"DATE '{date.isoformat()}'" for date in missing if date not in known)
    tail = [
        path
        for file, path in zip(local.files.tail, local.tail, strict=True)
        if file.flight_date in missing and file.name not in merged_yet
    ]
    earlier = [path for state in known.values() for path in state.paths]
    state = newest(
        f"(SELECT {_COLUMNS} FROM {read_files(local.months if dates else ())} WHERE flight_date IN ({dates or 'NULL'})"
        f" UNION ALL SELECT {_COLUMNS} FROM {read_files([*earlier, *tail])})"
    )
    return (
        f"COPY ({state}) TO {quoted(str(folder))}"
        " (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (flight_date), WRITE_PARTITION_COLUMNS true)"
    )


def _written(folder: Path, date: dt.date, inputs: _Inputs) -> _CachedState:
    """The files that `_sql` has written for the date: none without events, one a writing thread."""
    paths = tuple(sorted((folder / f"flight_date={date.isoformat()}").glob("*.parquet")))
    return _CachedState(inputs, folder, paths, sum(path.stat().st_size for path in paths))


def _months_of(date: dt.date, files: FileSet) -> frozenset[tuple[str, int]]:
    """The month files that have flights of the date."""
    return frozenset((month.name, month.crc32c) for month in files.months if month.has_date(date))


def _bytes_of(month: MonthFile, dates: Collection[dt.date]) -> int:
    """About how many bytes of a month file the flights of these dates take."""
    days = (month.max_flight_date - month.min_flight_date).days + 1
    within = sum(map(month.has_date, dates))
    return month.size * within // days
