"""What a tail of many files changes in the month files, in memory: read once, not by each question.

For each month: the newest event of every flight in its tail, and the row of the month file that it
replaces. The month file without the replaced rows, and the newest ones, are the state. Files never
change, so only new ones are read: a month is merged again from its last changes and what has landed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.object_names import month_of
from lakehouse.schema.event import COLUMNS, EVENT_SCHEMA
from lakehouse.table.latest_sql import SORT_KEY, newest, read_files
from lakehouse.table.planner import FileSet, LandedFile, Plan, by_month
from lakehouse.table.snapshot import MonthFile
from lakehouse.table.stored_file import StoredFile
from query_service.engine.database import LocalFiles, Query

IS_NEW: Final = "is_new"
"""The column that tells new rows from those that they replace."""

_STEP_FILES: Final = 300  # landed files of one query: half a second, which is what a deadline can cost
_COLUMNS: Final = ", ".join(COLUMNS)

Fetch = Callable[[FileSet, Callable[[LocalFiles], Query]], Awaitable[pa.Table]]
Pin = Callable[[Sequence[StoredFile]], AbstractContextManager[Any]]


@dataclass(frozen=True)
class _Inputs:
    """The files of a month's changes, by name and checksum."""

    months: frozenset[tuple[str, int]]
    tail: frozenset[tuple[str, int]]

    def made(self, changes: _Changes) -> bool:
        """Whether the changes are those of these files."""
        return self == changes.inputs


@dataclass(frozen=True)
class _Changes:
    inputs: _Inputs
    table: pa.Table


class LongTail:
    """The changes of each month. For one event loop; not thread-safe."""

    def __init__(self, max_bytes: int, min_files: int) -> None:
        """`min_files`: the shortest tail of a question that is long. 0 bytes turn it off."""
        self._max_bytes = max_bytes
        self.min_files = min_files
        self._cached: BoundedLRU[str, _Changes] = BoundedLRU(max_bytes)
        self._too_large: int | None = None
        self._merging = asyncio.Lock()

    @property
    def stats(self) -> CacheStats:
        """Since this object was made."""
        return self._cached.stats

    def is_possible(self, files: FileSet) -> bool:
        """Whether the changes of a tail are kept at all, and are not known to be too large."""
        return self._max_bytes > 0 and (self._too_large is None or files.tail_bytes < self._too_large)

    async def changes(self, plan: Plan, files: FileSet, fetch: Fetch, pin: Pin) -> pa.Table | None:
        """The changes by the tails of the months of `files`; None when they are too large to be kept together.

        `fetch` runs a query over files; `pin` lets downloads begin before it is their turn.
        """
        months = _months(plan, files)
        if None in [self._cached.get(month, _inputs(each).made) for month, each in months.items()]:
            async with self._merging:
                missing = {month: each for month, each in months.items() if not self._has(month, each)}
                with pin([file for each in missing.values() for file in self._unread(each)]):
                    for step in self._steps(missing):
                        await self._merge(step, fetch)
        kept = [self._cached.peek(month) for month, each in months.items() if self._has(month, each)]
        if len(kept) < len(months):
            self._too_large = files.tail_bytes
            return None
        return pa.concat_tables([_no_changes(), *(each.table for each in kept if each is not None)])

    def _has(self, month: str, files: FileSet) -> bool:
        kept = self._cached.peek(month)
        return kept is not None and _inputs(files).made(kept)

    def _earlier(self, files: FileSet) -> _Changes | None:
        """Changes of the same month files by some of the tail."""
        kept = self._cached.peek(_month(files))
        inputs = _inputs(files)
        return kept if kept and kept.inputs.months == inputs.months and kept.inputs.tail <= inputs.tail else None

    def _unread(self, files: FileSet) -> tuple[LandedFile, ...]:
        earlier = self._earlier(files)
        read = earlier.inputs.tail if earlier else frozenset()
        return tuple(file for file in files.tail if (file.name, file.crc32c) not in read)

    def _steps(self, missing: Mapping[str, FileSet]) -> Iterator[list[FileSet]]:
        """As many months as have the files of a step, at least one."""
        step: list[FileSet] = []
        count = 0
        for files in missing.values():
            unread = len(self._unread(files))
            if step and count + unread > _STEP_FILES:
                yield step
                step, count = [], 0
            step.append(files)
            count += unread
        yield step

    async def _merge(self, step: Sequence[FileSet], fetch: Fetch) -> None:
        """Merges the months of a step in one query, and keeps their changes."""
        earlier = [found.table for files in step if (found := self._earlier(files)) is not None]
        known = pa.concat_tables([_no_changes(), *earlier])
        read = FileSet(
            tuple(month for files in step for month in files.months),
            tuple(file for files in step for file in self._unread(files)),
        )
        made = await fetch(read, lambda local: Query(_sql(local), tables={"earlier": known}))
        for files in step:
            first = files.tail[0].flight_date
            date = made["flight_date"]
            of_month = pc.and_(pc.equal(pc.year(date), first.year), pc.equal(pc.month(date), first.month))
            table = made.filter(of_month).combine_chunks()
            self._cached.put(_month(files), _Changes(_inputs(files), table), table.nbytes)


@cache
def _no_changes() -> pa.Table:
    """Not made at import: see `lakehouse.no_pandas`."""
    return EVENT_SCHEMA.append(pa.field(IS_NEW, pa.bool_())).empty_table()


def _months(plan: Plan, files: FileSet) -> dict[str, FileSet]:
    """The months of the tail of `files`, each with its whole tail: whatever dates are asked, it is the same."""
    tails = by_month(plan.tail)
    touched = sorted({month_of(file.flight_date) for file in files.tail})
    return {month: FileSet(_touched_files(plan, month, tails[month]), tuple(tails[month])) for month in touched}


def _touched_files(plan: Plan, month: str, tail: Sequence[LandedFile]) -> tuple[MonthFile, ...]:
    """The files of the month, hidden ones too, that have a date of the tail."""
    dates = {file.flight_date for file in tail}
    return tuple(each for each in plan.snapshot.month(month).files if any(map(each.has_date, dates)))


def _inputs(files: FileSet) -> _Inputs:
    months = frozenset((month.name, month.crc32c) for month in files.months)
    return _Inputs(months, frozenset((file.name, file.crc32c) for file in files.tail))


def _month(files: FileSet) -> str:
    return month_of(files.tail[0].flight_date)


def _sql(local: LocalFiles) -> str:
    """New rows of the flights in the tail, and those of the month files that they replace."""
    return f"""
WITH landed AS MATERIALIZED (
    SELECT {_COLUMNS} FROM {read_files(local.tail)} UNION ALL SELECT {_COLUMNS} FROM earlier WHERE {IS_NEW}
), replaced AS MATERIALIZED (
    SELECT {_COLUMNS} FROM {read_files(local.months)} SEMI JOIN landed USING ({SORT_KEY})
)
SELECT {_COLUMNS}, true AS {IS_NEW}
FROM ({newest(f"(SELECT {_COLUMNS} FROM landed UNION ALL SELECT {_COLUMNS} FROM replaced)")})
UNION ALL SELECT {_COLUMNS}, false AS {IS_NEW} FROM replaced"""
