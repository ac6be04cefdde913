"""Computes the rows of /v1/stats: from single flights, or by merging rollups of whole month files.

Both ways give the same bytes. Rollups pay off for many rows; each is computed once and cached. A rollup is of one file,
or of all files of a month where a group has the flights of a month.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import object_names
from lakehouse.object_names import month_of
from lakehouse.table.planner import Dates, FileSet
from lakehouse.table.snapshot import MonthFile, Snapshot
from query_service.engine.executor import QueryContext
from query_service.queries.filters_sql import asks_hidden
from query_service.queries.model import RollupKey, StatsRequest
from query_service.queries.rollup_cache import RollupCache, key_of
from query_service.queries.stats_sql import (
    POSITION,
    merge_rollups_query,
    rollup_query,
    stats_from_rollups_query,
    stats_query,
)
from query_service.representation.encoders import Rows

_STEP_ROWS = 1_000_000  # read by one query: 0.2 s, which is what a deadline or a caller that leaves can cost
_HISTOGRAM_ROW_BYTES = 9  # the smallest row of a rollup: flags, delay, count

Unit = tuple[MonthFile, ...]
"""The files of one rollup, by date."""


class RollupStats:
    """Computes statistics."""

    def __init__(self, rollups: RollupCache, at_once: int, min_rows: int) -> None:
        """`at_once` requests merge rollups, if whole months have at least `min_rows` rows."""
        self._rollups = rollups
        self._min_rows = min_rows
        self._slots = asyncio.Semaphore(at_once)
        self._computing = asyncio.Lock()

    async def statistics(self, request: StatsRequest, context: QueryContext) -> Rows:
        """The rows of `request`, in the order that it asks for."""
        files = context.files(request.filters.dates, asks_hidden=asks_hidden(request.filters))
        changes = await context.tail_changes(files)
        table = await self._from_rollups(request, context, files, changes)
        if table is None:
            if changes is not None:
                files = FileSet(files.months, ())
            table = await context.fetch(files, lambda local: stats_query(request, local, changes), use_tail_cache=True)
        return Rows(table.slice(0, request.limit), {"truncated": table.num_rows > request.limit})

    async def _from_rollups(
        self, request: StatsRequest, context: QueryContext, files: FileSet, changes: pa.Table | None
    ) -> pa.Table | None:
        """None when that is not worth it, or not possible in bounded memory."""
        if not self._pays_off(files.months) or asks_hidden(request.filters):
            return None
        rollup_key = request.rollup_key
        if changes is None or rollup_key.is_within_months:  # final rows cannot be changed, histograms can
            units = whole_units(rollup_key, context.plan.snapshot, files, request.filters.dates)
        else:
            unchanged = FileSet(files.months, ())
            units = whole_units(rollup_key, context.plan.snapshot, unchanged, request.filters.dates)
        whole = [file for unit in units for file in unit]
        if not self._pays_off(whole) or not self._rollups.keeps_any:
            return None
        spans = _spans(units, context, rollup_key)
        async with self._slot(spans):
            rollups: list[pa.Table] = []
            for span in spans:
                found = await self._rollups_of(rollup_key, span, context)
                if found is None:
                    return None
                rollups += found
            added = {file.name for file in whole}
            tail = files.tail if changes is None else ()
            rest = FileSet(tuple(month for month in files.months if month.name not in added), tail)
            return await context.fetch(
                rest,
                lambda local: stats_from_rollups_query(request, pa.concat_tables(rollups), local, changes),
                use_tail_cache=True,
            )

    def _pays_off(self, months: Sequence[MonthFile]) -> bool:
        return len(months) >= 2 and sum(month.rows for month in months) >= self._min_rows

    @asynccontextmanager
    async def _slot(self, spans: Sequence[RollupSpan]) -> AsyncIterator[None]:
        """Bounds memory: one request computes rollups at a time, others merge cached ones.

        Computing is slow and waits for storage, so it blocks only requests that need new rollups. A
        request for the same rollups finds them cached afterwards.
        """
        if not self._are_cached(spans):
            async with self._computing:
                if not self._are_cached(spans):
                    yield
                    return
        async with self._slots:
            yield

    def _are_cached(self, spans: Sequence[RollupSpan]) -> bool:
        return all(
            all(map(self._rollups.holds, span.needed)) or self._rollups.holds(span.negative_key) for span in spans
        )

    async def _rollups_of(
        self, rollup_key: RollupKey, span: RollupSpan, context: QueryContext
    ) -> list[pa.Table] | None:
        """The rollups of the span; None when one of them is too large."""
        if self._rollups.holds(span.negative_key) and not all(map(self._rollups.holds, span.needed)):
            return None
        found = self._find(span.needed)
        cached = [table for table in found.values() if table is not None]
        if len(cached) == len(found):
            return cached
        single = self._find(span.keys) if span.is_summed else found
        computed = await self._compute(rollup_key, span, single, context)
        if computed is None:
            self._rollups.put(span.negative_key, pa.table({}))
        return computed

    def _find(self, keys: Sequence[str]) -> dict[str, pa.Table | None]:
        return {key: self._rollups.get(key) for key in keys}

    async def _compute(
        self, rollup_key: RollupKey, span: RollupSpan, tables: dict[str, pa.Table | None], context: QueryContext
    ) -> list[pa.Table] | None:
        """Adds what `tables`, by key, is missing, in steps; steps done before a deadline stay cached."""
        missing = [unit for key, unit in zip(span.keys, span.units, strict=True) if tables[key] is None]
        for step in _steps(missing):
            computed = await self._compute_step(rollup_key, step, context)
            if computed is None:
                return None
            for unit, table in zip(step, computed, strict=True):
                key = span.key_of(unit)
                tables[key] = table
                if not self._rollups.put(key, table):
                    return None
        rollups = [table for table in tables.values() if table is not None]
        if not span.is_summed:
            return rollups
        total = await context.fetch(
            FileSet((), ()), lambda _: merge_rollups_query(rollup_key, pa.concat_tables(rollups))
        )
        if not self._rollups.put(span.key, total):
            return None
        if span.is_inner:
            self._rollups.release(span.keys)
        return [total]

    async def _compute_step(
        self, rollup_key: RollupKey, units: Sequence[Unit], context: QueryContext
    ) -> list[pa.Table] | None:
        most_rows = len(units) * max(0, self._rollups.table_max_bytes) // _HISTOGRAM_ROW_BYTES
        files = FileSet(tuple(file for unit in units for file in unit), ())
        starts = [unit[0].min_flight_date for unit in units]
        table = await context.fetch(files, lambda local: rollup_query(rollup_key, local, starts, most_rows))
        return None if table.num_rows > most_rows else await asyncio.to_thread(_by_unit, table, len(units))


@dataclass(frozen=True)
class RollupSpan:
    """Whole files of one year. `is_summed`: their rollups are also cached as one merged table.

    `is_inner`: the span has years before and after it, so its single rollups are hardly needed.
    """

    rollup_key: str
    units: tuple[Unit, ...]
    is_summed: bool
    is_inner: bool

    @property
    def key(self) -> str:
        return key_of(self.rollup_key, [file for unit in self.units for file in unit])

    @property
    def keys(self) -> list[str]:
        return [self.key_of(unit) for unit in self.units]

    @property
    def needed(self) -> list[str]:
        """The keys of the tables that make up an answer."""
        return [self.key] if self.is_summed else self.keys

    @property
    def negative_key(self) -> str:
        """The key of the negative cache entry: rollups of this key are too large to cache."""
        return key_of(self.rollup_key, ())

    def key_of(self, unit: Unit) -> str:
        return key_of(self.rollup_key, unit)


def whole_units(rollup_key: RollupKey, snapshot: Snapshot, files: FileSet, dates: Dates) -> tuple[Unit, ...]:
    """The files whose dates are all within `dates` and not in the tail.

    Where a group has the flights of a month, the files of a month are one unit, and all of them have to be so.
    """
    touched = {file.flight_date for file in files.tail}
    whole = [
        file
        for file in files.months
        if not object_names.is_hidden(file.name)
        and (dates.first is None or dates.first <= file.min_flight_date)
        and (dates.last is None or file.max_flight_date <= dates.last)
        and month_of(file.min_flight_date) == month_of(file.max_flight_date)
        and not any(map(file.has_date, touched))
    ]
    if rollup_key.is_within_dates or not rollup_key.is_within_months:
        return tuple((file,) for file in whole)
    changing = set(map(month_of, touched))
    months = ((month, tuple(found)) for month, found in groupby(whole, key=lambda file: month_of(file.min_flight_date)))
    return tuple(unit for month, unit in months if month not in changing and unit == snapshot.month(month).shown)


def _spans(units: Sequence[Unit], context: QueryContext, rollup_key: RollupKey) -> list[RollupSpan]:
    """By year. All files of a year are summed, where they have groups in common: a window that moves on needs them
    as they are, those of the years at its ends one by one."""
    there = Counter(file.min_flight_date.year for file in context.plan.snapshot.shown_files())
    years = [(year, tuple(found)) for year, found in groupby(units, key=lambda unit: unit[0].min_flight_date.year)]
    spans = []
    for position, (year, span) in enumerate(years):
        is_summed = len(span) == there[year] > 1 and not rollup_key.is_within_months
        spans.append(RollupSpan(repr(rollup_key), span, is_summed, 0 < position < len(years) - 1))
    return spans


def _steps(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """As many as make up the rows of a step, at least one."""
    step: list[Unit] = []
    rows = 0
    for unit in units:
        rows += sum(file.rows for file in unit)
        if step and rows > _STEP_ROWS:
            yield step
            step, rows = [], sum(file.rows for file in unit)
        step.append(unit)
    if step:
        yield step


def _by_unit(table: pa.Table, count: int) -> list[pa.Table]:
    """The rows of each rollup, in memory of their own."""
    found = (table.filter(pc.equal(table[POSITION], position)) for position in range(count))
    return [rows.drop_columns([POSITION]).combine_chunks() for rows in found]
