"""Computes the rows of /v1/stats: from single flights, or by merging rollups of whole months.

Both ways give the same bytes. Rollups pay off for many rows; each is computed once and cached.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.object_names import month_of
from lakehouse.table.planner import Dates, FileSet
from lakehouse.table.snapshot import MonthFile
from query_service.engine.executor import QueryContext
from query_service.queries.model import RollupKey, StatsRequest
from query_service.queries.rollup_cache import RollupCache, key_of
from query_service.queries.stats_sql import (
    MONTH,
    merge_rollups_query,
    rollup_query,
    stats_from_rollups_query,
    stats_query,
)
from query_service.representation.encoders import Rows

_STEP_ROWS = 1_000_000  # read by one query: 0.2 s, which is what a deadline or a caller that leaves can cost
_HISTOGRAM_ROW_BYTES = 9  # the smallest row of a rollup: flags, delay, count


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
        files = context.files(request.filters.dates)
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
        if not self._pays_off(files.months):
            return None
        if changes is None or request.rollup_key.is_within_months:  # final rows cannot be changed, histograms can
            months = whole_months(files, request.filters.dates)
        else:
            months = whole_months(FileSet(files.months, ()), request.filters.dates)
        if not self._pays_off(months) or not self._rollups.keeps_any:
            return None
        rollup_key = request.rollup_key
        spans = _spans(months, context, rollup_key)
        async with self._slot(spans):
            rollups: list[pa.Table] = []
            for span in spans:
                found = await self._rollups_of(rollup_key, span, context)
                if found is None:
                    return None
                rollups += found
            added = {month.name for month in months}
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
        return all(all(map(self._rollups.holds, span.needed)) or self._rollups.holds(span.too_large) for span in spans)

    async def _rollups_of(
        self, rollup_key: RollupKey, span: RollupSpan, context: QueryContext
    ) -> list[pa.Table] | None:
        """The rollups of the span; None when one of them is too large."""
        cached = self._cached(span)
        if cached is not None or self._rollups.holds(span.too_large):
            return cached
        computed = await self._compute(rollup_key, span, context)
        if computed is None:
            self._rollups.put(span.too_large, pa.table({}))
        return computed

    def _cached(self, span: RollupSpan) -> list[pa.Table] | None:
        found = [self._rollups.get(key) for key in span.needed]
        tables = [table for table in found if table is not None]
        return tables if len(tables) == len(found) else None

    async def _compute(self, rollup_key: RollupKey, span: RollupSpan, context: QueryContext) -> list[pa.Table] | None:
        """Computes missing rollups in steps; steps done before a deadline stay cached."""
        tables = {key: self._rollups.get(key) for key in span.keys}
        missing = [month for key, month in zip(span.keys, span.months, strict=True) if tables[key] is None]
        for step in _steps(missing):
            computed = await self._compute_step(rollup_key, step, context)
            if computed is None:
                return None
            for month, table in zip(step, computed, strict=True):
                key = span.key_of(month)
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
        self, rollup_key: RollupKey, months: Sequence[MonthFile], context: QueryContext
    ) -> list[pa.Table] | None:
        most_rows = len(months) * max(0, self._rollups.table_max_bytes) // _HISTOGRAM_ROW_BYTES
        files = FileSet(tuple(months), ())
        table = await context.fetch(files, lambda local: rollup_query(rollup_key, local, most_rows))
        return None if table.num_rows > most_rows else await asyncio.to_thread(_by_month, table, months)


@dataclass(frozen=True)
class RollupSpan:
    """Whole months of one year. `is_summed`: their rollups are also cached as one merged table.

    `is_inner`: the span has years before and after it, so its single months are hardly needed.
    """

    rollup_key: str
    months: tuple[MonthFile, ...]
    is_summed: bool
    is_inner: bool

    @property
    def key(self) -> str:
        return key_of(self.rollup_key, self.months)

    @property
    def keys(self) -> list[str]:
        return [self.key_of(month) for month in self.months]

    @property
    def needed(self) -> list[str]:
        """The keys of the tables that make up an answer."""
        return [self.key] if self.is_summed else self.keys

    @property
    def too_large(self) -> str:
        """The key of the negative cache entry: rollups of this key are too large to cache."""
        return key_of(self.rollup_key, ())

    def key_of(self, month: MonthFile) -> str:
        return key_of(self.rollup_key, (month,))


def whole_months(files: FileSet, dates: Dates) -> tuple[MonthFile, ...]:
    """The month files whose dates are all within `dates` and that have no tail."""
    touched = {month_of(file.flight_date) for file in files.tail}
    return tuple(
        month
        for month in files.months
        if (dates.first is None or dates.first <= month.min_flight_date)
        and (dates.last is None or month.max_flight_date <= dates.last)
        and month_of(month.min_flight_date) == month_of(month.max_flight_date)
        and month_of(month.min_flight_date) not in touched
    )


def _spans(months: Sequence[MonthFile], context: QueryContext, rollup_key: RollupKey) -> list[RollupSpan]:
    """By year. All months of a year are summed, where they have groups in common: a window that moves on needs them
    as they are, those of the years at its ends one by one."""
    snapshot_years = [int(month[:4]) for month in context.plan.snapshot.months]
    years = [(year, tuple(found)) for year, found in groupby(months, key=lambda month: month.min_flight_date.year)]
    spans = []
    for position, (year, span) in enumerate(years):
        is_summed = len(span) == snapshot_years.count(year) > 1 and not rollup_key.is_within_months
        spans.append(RollupSpan(repr(rollup_key), span, is_summed, 0 < position < len(years) - 1))
    return spans


def _steps(months: Sequence[MonthFile]) -> Iterator[list[MonthFile]]:
    """As many months as make up the rows of a step, at least one."""
    step: list[MonthFile] = []
    for month in months:
        if step and sum(earlier.rows for earlier in step) + month.rows > _STEP_ROWS:
            yield step
            step = []
        step.append(month)
    if step:
        yield step


def _by_month(table: pa.Table, months: Sequence[MonthFile]) -> list[pa.Table]:
    """The rows of each month, in memory of their own."""
    rollups = []
    for month in months:
        first = month.min_flight_date
        is_of_month = pc.equal(table[MONTH], first.year * 100 + first.month)
        rollups.append(table.filter(is_of_month).drop_columns([MONTH]).combine_chunks())
    return rollups
