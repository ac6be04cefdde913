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
"""Of one question: DuckDB writes as many files at once, each from memory of its own."""

_DISK_ERRORS: Final = (duckdb.IOException, OSError)

_COLUMNS: Final = ", ".join(COLUMNS)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Inputs:
    """The inputs of a date's state, by name and checksum: a restored object may differ."""

    month: tuple[str, int] | None
    tail: frozenset[tuple[str, int]]

    def extends(self, other: _Inputs) -> bool:
        """Whether these are the files of `other`, and more landed ones."""
        return self.month == other.month and self.tail > other.tail


@dataclass
class _Decided:
    """The merged state of a date. Its files stay as long as a query reads them."""

    inputs: _Inputs
    folder: Path
    paths: tuple[Path, ...]
    bytes: int
    users: int = 0
    is_kept: bool = True


class TailCache:
    """The cached states. For one event loop; not thread-safe."""

    def __init__(self, folder: Path, max_bytes: int, from_bytes: int) -> None:
        """Empties `folder` and needs it alone. 0 turns it off; `from_bytes`: smallest tail."""
        shutil.rmtree(folder, ignore_errors=True)
        with local_errors(folder):
            folder.mkdir(parents=True)
        self._folder = folder
        self._max_bytes = max_bytes
        self.min_bytes = from_bytes
        self._kept: BoundedLRU[dt.date, _Decided] = BoundedLRU(max_bytes)
        self._disk_bytes = 0
        self._making = asyncio.Lock()
        self._attempts = itertools.count(1)  # no path is used twice: DuckDB remembers what it read in one
        self._states: Counter[Path] = Counter()  # by folder; where there are none, a query was given up

    @property
    def stats(self) -> CacheStats:
        """Counters since this object was made. The bytes are on disk; every miss is computed."""
        stats = self._kept.stats
        return replace(stats, misses=stats.puts, bytes=self._disk_bytes)

    def drop_unused(self) -> bool:
        """Gives up all states, to make room on the disk; False when there was none that nobody reads."""
        dropped = self._kept.clear()
        self._let_go(dropped)
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
        merging and writing may need more memory and disk than the question.
        """
        used: list[_Decided] | None = None
        try:
            used = await self._used(local, fetch)
        except (duckdb.Error, OSError) as error:
            why = local_disk_error(self._folder, error) if isinstance(error, _DISK_ERRORS) else error
            _log.warning("dates are decided for one question alone: %s", str(why).partition("\n")[0])
        if used is None:
            yield local
            return
        try:
            yield replace(local, merged_tail=tuple(path for decided in used for path in decided.paths))
        finally:
            self._give_back(used)

    async def _used(self, local: LocalFiles, fetch: Callable[[Query], Awaitable[pa.Table]]) -> list[_Decided] | None:
        """The state of each date of the tail, marked as in use; None if there is no room."""
        wanted = _wanted(local.files)
        if not self._missing(wanted):
            return self._found(wanted)
        async with self._making:
            missing = self._missing(wanted)
            if missing and self._disk_bytes > 2 * self._max_bytes:
                return None
            found = self._found([date for date in wanted if date not in missing])
            try:
                return found + await self._made(missing, local, fetch)
            except BaseException:
                self._give_back(found)
                raise

    def _missing(self, wanted: Mapping[dt.date, _Inputs]) -> dict[dt.date, _Inputs]:
        self._drop_lost(wanted)
        return {
            date: inputs
            for date, inputs in wanted.items()
            if (kept := self._kept.peek(date)) is None or kept.inputs != inputs
        }

    def _drop_lost(self, dates: Iterable[dt.date]) -> None:
        """Something outside (a cleaner of temporary folders) may have taken files away."""
        for date in dates:
            kept = self._kept.peek(date)
            if kept is not None and not all(path.exists() for path in kept.paths):
                self._kept.remove(date)
                self._let_go([kept])

    async def _made(
        self, missing: Mapping[dt.date, _Inputs], local: LocalFiles, fetch: Callable[[Query], Awaitable[pa.Table]]
    ) -> list[_Decided]:
        """Merges the missing dates in one query and caches them."""
        if not missing:
            return []
        self._remove_given_up()
        known = {
            date: kept
            for date, inputs in missing.items()
            if (kept := self._kept.peek(date)) is not None and inputs.extends(kept.inputs)
        }
        for kept in known.values():
            kept.users += 1
        folder = self._folder / str(next(self._attempts))
        try:
            await fetch(Query(_sql(missing, known, local, folder)))
        finally:
            self._give_back(known.values())
        made = {date: _read(folder, date, inputs) for date, inputs in missing.items()}
        for date, decided in made.items():
            decided.users += 1
            self._states[folder] += 1
            self._disk_bytes += decided.bytes
            self._let_go(self._kept.put(date, decided, decided.bytes))
        return list(made.values())

    def _found(self, dates: Iterable[dt.date]) -> list[_Decided]:
        """The cached states of these dates, marked as in use."""
        found = [kept for date in dates if (kept := self._kept.get(date)) is not None]
        for kept in found:
            kept.users += 1
        return found

    def _give_back(self, taken: Iterable[_Decided]) -> None:
        for decided in taken:
            decided.users -= 1
            self._remove_unused(decided)

    def _let_go(self, dropped: Iterable[_Decided]) -> None:
        for decided in dropped:
            decided.is_kept = False
            self._remove_unused(decided)

    def _remove_unused(self, decided: _Decided) -> None:
        if decided.is_kept or decided.users > 0:
            return
        for path in decided.paths:
            path.unlink(missing_ok=True)
        self._disk_bytes -= decided.bytes
        self._states[decided.folder] -= 1
        if self._states[decided.folder] == 0:
            del self._states[decided.folder]
            shutil.rmtree(decided.folder, ignore_errors=True)

    def _remove_given_up(self) -> None:
        """Removes the output of failed or cancelled queries; such a query may still be writing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in self._folder.iterdir():
            if folder not in self._states:
                shutil.rmtree(folder, ignore_errors=True)


def _wanted(files: FileSet) -> dict[dt.date, _Inputs]:
    """The dates of the tail, and the inputs of each."""
    tails: dict[dt.date, set[tuple[str, int]]] = {}
    for file in files.tail:
        tails.setdefault(file.flight_date, set()).add((file.name, file.crc32c))
    return {date: _Inputs(_month_of(date, files), frozenset(tail)) for date, tail in sorted(tails.items())}


def _sql(missing: Collection[dt.date], known: Mapping[dt.date, _Decided], local: LocalFiles, folder: Path) -> str:
    """COPY of the state of the `missing` dates, a folder for each; `known` is an earlier state of some of them."""
    merged_yet = {name for decided in known.values() for name, _ in decided.inputs.tail}
    dates = ", ".join(f"DATE '{date.isoformat()}'" for date in missing if date not in known)
    tail = [
        path
        for file, path in zip(local.files.tail, local.tail, strict=True)
        if file.flight_date in missing and file.name not in merged_yet
    ]
    earlier = [path for decided in known.values() for path in decided.paths]
    state = newest(
        f"(SELECT {_COLUMNS} FROM {read_files(local.months if dates else ())} WHERE flight_date IN ({dates or 'NULL'})"
        f" UNION ALL SELECT {_COLUMNS} FROM {read_files([*earlier, *tail])})"
    )
    return (
        f"COPY ({state}) TO {quoted(str(folder))}"
        " (FORMAT parquet, COMPRESSION snappy, PARTITION_BY (flight_date), WRITE_PARTITION_COLUMNS true)"
    )


def _read(folder: Path, date: dt.date, inputs: _Inputs) -> _Decided:
    """The files that `_sql` has written for the date: none without events, one a writing thread."""
    paths = tuple(sorted((folder / f"flight_date={date.isoformat()}").glob("*.parquet")))
    return _Decided(inputs, folder, paths, sum(path.stat().st_size for path in paths))


def _month_of(date: dt.date, files: FileSet) -> tuple[str, int] | None:
    """The month file that has flights of the date."""
    for month in files.months:
        if month.min_flight_date <= date <= month.max_flight_date:
            return month.name, month.crc32c
    return None


def _bytes_of(month: MonthFile, dates: Collection[dt.date]) -> int:
    """About how many bytes of a month file the flights of these dates take."""
    days = (month.max_flight_date - month.min_flight_date).days + 1
    within = sum(month.min_flight_date <= date <= month.max_flight_date for date in dates)
    return month.size * within // days
