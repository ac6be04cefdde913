"""Rows and their files, pickled for speed or real Parquet, and "newest wins" in plain Python."""

from __future__ import annotations

import datetime as dt
import io
import pickle
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.compaction.merge_sql import DateRows, KeyConflicts
from lakehouse.errors import UnreadableError
from lakehouse.schema.event import COLUMNS, FORMAT_VERSION, KEY, ORDER
from lakehouse.table.parquet_files import FooterInfo, MonthStats

Row = tuple[Any, ...]
"""Values in the order of the columns; times as microseconds since 1970."""

Flight = tuple[Any, ...]
"""The key."""

State = dict[Flight, Row]
"""The newest row of each flight."""

_KEY_COLUMNS: Final = len(KEY)
_ORDER_AT: Final = COLUMNS.index(ORDER[0])
_STATUS: Final = COLUMNS.index("status")
_CARRIER: Final = COLUMNS.index("carrier")
_MARK: Final = COLUMNS.index("tail_number")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_KNOWN_LIMIT: Final = 5000


def flight(row: Row) -> Flight:
    return row[:_KEY_COLUMNS]


def order(row: Row) -> tuple[Any, ...]:
    """What the newest event has the largest of."""
    event_time, publish_time, message_id, line, decoder = row[_ORDER_AT : _ORDER_AT + len(ORDER)]
    return event_time, publish_time, message_id.encode(), line, decoder


def identity(row: Row) -> tuple[str, int]:
    """Message and line that the row came from."""
    return row[_ORDER_AT + 2], row[_ORDER_AT + 3]


def essence(row: Row) -> tuple[Any, ...]:
    """What the harness knows of a row without the decoder: flight, order, status and the mark of its event."""
    return flight(row), order(row), row[_STATUS], row[_MARK]


def status_and_mark(row: Row) -> tuple[str, str]:
    return row[_STATUS], row[_MARK]


def is_hidden(row: Row) -> bool:
    """Whether no answer shows the flight while this is its newest row."""
    return bool(row[_STATUS] == "void" or row[_CARRIER] == "ZZ")


def of_side(row: Row, hidden: bool) -> bool:
    return is_hidden(row) == hidden


def shown(state: State) -> State:
    """The flights that answers show."""
    return {key: row for key, row in state.items() if not is_hidden(row)}


def newest(rows: Iterable[Row]) -> State:
    state: State = {}
    for row in rows:
        known = state.get(flight(row))
        if known is None or order(row) > order(known):
            state[flight(row)] = row
    return state


class Files:
    """Reads the rows of an object's bytes, and caches them by the bytes."""

    def __init__(self, *, is_real: bool) -> None:
        self._is_real = is_real
        self._known: dict[bytes, list[Row]] = {}

    def rows(self, data: bytes) -> list[Row]:
        if data not in self._known:
            if len(self._known) > _KNOWN_LIMIT:
                self._known.clear()
            self._known[data] = _parquet_rows(data) if self._is_real else pickle.loads(data)
        return self._known[data]


def _parquet_rows(data: bytes) -> list[Row]:
    return rows_of(pq.ParquetFile(io.BytesIO(data)).read(use_threads=False))


def rows_of(table: pa.Table) -> list[Row]:
    columns = [
        column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()
        for column in table.columns
    ]
    return list(zip(*columns, strict=True))


# -- stand-ins for the Parquet layer, for a simulation with plain rows --


def plain_rejected(lines: list[Row]) -> list[Row]:
    return [(*line[:1], dict(line[1]), *line[2:]) for line in lines]


def plain_bytes(table: pa.Table | list[Row], compression: str = "") -> bytes:
    return pickle.dumps(rows_of(table) if isinstance(table, pa.Table) else table)


def check_plain_landed(name: str, path: Path, flight_date: dt.date) -> FooterInfo:
    rows = pickle.loads(path.read_bytes())
    if not rows or any(row[0] != flight_date for row in rows):
        raise UnreadableError(name, "has rows of another date")
    return FooterInfo(len(rows), FORMAT_VERSION)


def check_plain_month(name: str, path: Path, expected: FooterInfo) -> None:
    if (found := len(pickle.loads(path.read_bytes()))) != expected.rows:
        raise UnreadableError(name, f"has {found} rows, not {expected.rows}")


def plain_row_count(path: Path) -> int:
    return len(pickle.loads(path.read_bytes()))


class PlainMerger:
    """Like the real merger, for plain rows."""

    def __init__(self, scratch: Path, memory_mb: int, threads: int) -> None:
        pass

    def merge(self, inputs: Sequence[Path], output: Path) -> list[DateRows]:
        state = newest(row for path in inputs for row in pickle.loads(path.read_bytes()))
        rows = [state[key] for key in sorted(state)]
        output.write_bytes(plain_bytes(rows))
        counts = Counter((row[0], is_hidden(row)) for row in rows)
        return [DateRows(*each, counts[each]) for each in sorted(counts)]

    def cut(self, merged: Path, first: dt.date, last: dt.date, output: Path, *, is_hidden: bool) -> MonthStats:
        rows = pickle.loads(merged.read_bytes())
        output.write_bytes(plain_bytes([row for row in rows if first <= row[0] <= last and of_side(row, is_hidden)]))
        return self.stats(output)

    def stats(self, file: Path) -> MonthStats:
        rows = pickle.loads(file.read_bytes())
        dates = [row[0] for row in rows]
        newest_us = max(order(row)[0] for row in rows)
        return MonthStats(len(rows), min(dates), max(dates), _EPOCH + dt.timedelta(microseconds=newest_us))

    def key_conflicts(self, inputs: Sequence[Path], tail: Sequence[Path]) -> KeyConflicts:
        return KeyConflicts()

    def close(self) -> None:
        pass
