"""Checks the rows of a month file batch by batch and computes their statistics.

Memory is bounded by the batch: only the last row and the running totals are kept.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.schema.event import KEY, PROBE_CARRIER, REQUIRED, FlightKey
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.latest_sql import read_files
from lakehouse.table.parquet_files import MonthStats, batches


def inspect_month(name: str, path: Path, *, is_hidden: bool | None = None) -> tuple[MonthStats | None, list[str]]:
    """The statistics (None: no rows) and the problems of the local copy of the month file `name`.

    At most one problem of each kind. `is_hidden`: whether its rows are those that no answer shows, or the others; None
    does not look. Raises UnreadableError (not Parquet, other columns) and FormatTooNewError.
    """
    rows = _Rows(is_hidden)
    for batch in batches(name, path):
        rows.see(batch)
    return rows.summary(), list(rows.problems.values())


def flight_in_both(path: Path, hidden: Sequence[Path]) -> str | None:
    """The first flight of a month file that hidden ones have too."""
    if not hidden:
        return None
    key = ", ".join(KEY)
    with connect_confined([path.parent, *(each.parent for each in hidden)]) as database:
        both = f"SELECT {key} FROM {read_files([path])} INTERSECT SELECT {key} FROM {read_files(hidden)}"
        found = database.execute(f"{both} ORDER BY ALL LIMIT 1").fetchone()
    return None if found is None else FlightKey(*found).flight_id


def month_bounds(month: str) -> tuple[dt.date, dt.date]:
    """The first and the last day of `2013-01`."""
    first = dt.date.fromisoformat(f"{month}-01")
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


class _Rows:
    def __init__(self, is_hidden: bool | None) -> None:
        self._is_hidden = is_hidden
        self.problems: dict[str, str] = {}
        self._rows = 0
        self._dates: set[dt.date] = set()  # the smallest and the largest
        self._max_event_time: dt.datetime | None = None
        self._last: pa.RecordBatch | None = None

    def see(self, batch: pa.RecordBatch) -> None:
        for column in REQUIRED:
            if batch[column].null_count:
                self._problem(f"null {column}", f"column {column} has nulls")
        self._see_side(batch)
        self._see_order(batch.select(KEY))
        self._see_sums(batch)

    def summary(self) -> MonthStats | None:
        if not self._dates or self._max_event_time is None:
            return None
        return MonthStats(self._rows, min(self._dates), max(self._dates), self._max_event_time)

    def _problem(self, kind: str, text: str) -> None:
        self.problems.setdefault(kind, text)

    def _see_sums(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        dates = pc.min_max(batch["flight_date"]).as_py()
        known = self._dates | {date for date in dates.values() if date is not None}
        self._dates = {min(known), max(known)} if known else set()
        times = (self._max_event_time, pc.max(batch["event_time"]).as_py())
        self._max_event_time = max((time for time in times if time is not None), default=None)

    def _see_side(self, batch: pa.RecordBatch) -> None:
        """A file has flights that answers show, or others, not both."""
        if self._is_hidden is None:
            return
        is_hidden = pc.or_kleene(pc.equal(batch["status"], "void"), pc.equal(batch["carrier"], PROBE_CARRIER))
        if (at := _first_true(is_hidden if not self._is_hidden else pc.invert(is_hidden))) is not None:
            flight = FlightKey(**batch.select(KEY).slice(at, 1).to_pylist()[0]).flight_id
            self._problem(
                "side", f"flight {flight} belongs {'to what is shown' if self._is_hidden else 'into hidden/'}"
            )

    def _see_order(self, keys: pa.RecordBatch) -> None:
        """Each key must be above the one before it, the last of the batch before included."""
        first_row = self._rows - (0 if self._last is None else 1)
        if self._last is not None:
            keys = pa.concat_batches([self._last, keys])
        if keys.num_rows == 0:
            return
        self._last = keys.slice(keys.num_rows - 1)
        above, equal = _compare(keys.slice(0, keys.num_rows - 1), keys.slice(1))
        if (at := _first_true(equal)) is not None:
            flight = FlightKey(**keys.slice(at, 1).to_pylist()[0]).flight_id
            self._problem("twice", f"rows {first_row + at} and {first_row + at + 1} are both of flight {flight}")
        if (at := _first_true(above)) is not None:
            self._problem("order", f"row {first_row + at + 1} is below the row before it: not sorted by key")


def _compare(before: pa.RecordBatch, after: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Of each pair of keys: whether the first is above the second, and whether they are equal (null: unknown)."""
    above: Any = pa.scalar(False)
    equal: Any = pa.scalar(True)
    for column in KEY:
        above = pc.or_kleene(above, pc.and_kleene(equal, pc.greater(before[column], after[column])))
        equal = pc.and_kleene(equal, pc.equal(before[column], after[column]))
    return above, equal


def _first_true(values: pa.Array) -> int | None:
    index = pc.index(values, pa.scalar(True)).as_py()
    return None if index < 0 else int(index)
