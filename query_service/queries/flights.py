"""/v1/flights and /v1/flights/{flight_id}: pages of flights, or one flight with its source file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA, FIELDS, KEY, ORDER, FlightKey
from lakehouse.table.latest_sql import SORT_KEY, quoted
from lakehouse.table.planner import Dates, FileSet, by_month
from query_service.engine.database import LocalFiles, Query
from query_service.engine.executor import QueryContext
from query_service.queries.filters_sql import conditions
from query_service.queries.model import FlightsRequest, cursor_of
from query_service.representation.encoders import Rows

BATCH_BYTES: Final = 32 * 2**20
"""Files that one step of a page may add: about five months of half a million flights, some 50 ms of work."""

COLUMNS_SHOWN: Final = ("flight_id", *(field.name for field in FIELDS if field.in_api))


@dataclass(frozen=True)
class FlightState:
    """One flight, one row, with its source; `event_time` is also set for a void event."""

    table: pa.Table
    event_time: dt.datetime
    withdrawn: bool
    file: str
    absorbed: bool
    message_id: str
    message_line: int


async def flights_page(request: FlightsRequest, context: QueryContext) -> Rows:
    """The flights after `request.after`, at most `limit` of them.

    Reads months in order and only as many as the page needs.
    """
    matching = conditions(request.filters, request.after)
    missing_rows = request.limit + 1  # one more tells whether there is a next page
    tables: list[pa.Table] = []
    for files in _batches(context.files(request.filters.dates)):

        def query(local: LocalFiles, rows: int = missing_rows) -> Query:
            state = f"SELECT * FROM ({local.state(matching.before)}) WHERE {matching.after}"
            found = f"SELECT * FROM ({state}) ORDER BY {SORT_KEY} LIMIT {rows}"
            return Query(f"SELECT {_SHOWN} FROM ({found}) ORDER BY {SORT_KEY}", matching.values)

        table = await context.fetch(files, query, use_tail_cache=True)
        tables.append(table)
        missing_rows -= table.num_rows
        if missing_rows == 0:
            break
    return _page(tables, request.limit)


async def flight_state(key: FlightKey, context: QueryContext) -> FlightState | None:
    """The newest event of the flight, void or not; None when there is no event."""
    files = context.files(Dates(key.flight_date, key.flight_date))
    if not files.all:
        return None
    table = await context.fetch(files, lambda local: _flight_query(key, local))
    if table.num_rows == 0:
        return None
    source = table.slice(0, 1).to_pylist()[0]
    position = source["source_position"] - 1
    return FlightState(
        table=table.select(COLUMNS_SHOWN),
        event_time=source["state_event_time"],
        withdrawn=source["status"] == "void",
        file=files.names[position],
        absorbed=position < len(files.months),
        message_id=source["message_id"],
        message_line=source["message_line"],
    )


def _flight_query(key: FlightKey, local: LocalFiles) -> Query:
    """The state joined with the files that hold the same event; a month file is named before a tail file."""
    same_key = " AND ".join(f"{column} = ${column}" for column in KEY)
    paths = f"[{', '.join(quoted(str(path)) for path in (*local.months, *local.tail))}]"
    sql = f"""
WITH sources AS (
    SELECT {", ".join((*KEY, *ORDER))}, list_position({paths}, filename) AS source_position
    FROM read_parquet({paths}, hive_partitioning = false, filename = true)
    WHERE {same_key}
)
SELECT event_time AS state_event_time, message_id, message_line, source_position, {_SHOWN}
FROM ({local.state(same_key)}) JOIN sources USING ({", ".join((*KEY, *ORDER))})
ORDER BY source_position LIMIT 1"""
    return Query(sql, {column: getattr(key, column) for column in KEY})


def _batches(files: FileSet) -> Iterator[FileSet]:
    """The files of one month, then month by month as many as BATCH_BYTES allow; at least one batch."""
    entries = {object_names.month_of(entry.min_flight_date): entry for entry in files.months}
    tails = by_month(files.tail)
    batch, room = FileSet((), ()), 0
    for month in sorted(entries.keys() | tails.keys()):
        step = FileSet((entries[month],) if month in entries else (), tuple(tails.get(month, ())))
        if batch.all and batch.bytes + step.bytes > room:
            yield batch
            batch, room = FileSet((), ()), BATCH_BYTES
        batch = FileSet(batch.months + step.months, batch.tail + step.tail)
    yield batch


def _page(tables: list[pa.Table], limit: int) -> Rows:
    table = pa.concat_tables(tables)
    shown = table.slice(0, limit)
    cursor = cursor_of(shown["flight_id"][-1].as_py()) if table.num_rows > limit else None
    return Rows(shown, {"truncated": cursor is not None, "next_cursor": cursor})


def _shown(column: str) -> str:
    """SQL of one column of the answer."""
    if column == "flight_id":
        number = "flight_number || operational_suffix"
        return f"strftime(flight_date, '%Y-%m-%d') || '-' || carrier || '-' || {number} || '-' || origin AS flight_id"
    kind = EVENT_SCHEMA.field(column).type
    return f"{column}::BIGINT AS {column}" if pa.types.is_integer(kind) else column


_SHOWN = ", ".join(_shown(column) for column in COLUMNS_SHOWN)
