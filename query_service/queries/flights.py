"""/v1/flights and /v1/flights/{flight_id}: pages of flights, or one flight with its source file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA, KEY, ORDER, FlightKey
from lakehouse.table.latest_sql import SORT_KEY, quoted, read_files
from lakehouse.table.planner import Dates, FileSet, by_month
from lakehouse.table.snapshot import MonthFile
from query_service.engine.database import LocalFiles, Query
from query_service.engine.executor import QueryContext
from query_service.errors import flight_missing_error
from query_service.queries.filters_sql import asks_hidden, beyond_key, conditions
from query_service.queries.model import (
    EVENTS_MOST,
    FLIGHT_COLUMNS,
    FLIGHT_ID,
    FlightEventsRequest,
    FlightsRequest,
    cursor_of,
)
from query_service.representation.encoders import Rows

BATCH_BYTES: Final = 32 * 2**20
"""Files that one step of a page may add: about five months of half a million flights, some 50 ms of work."""


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

    By key, it reads months in order and only as many as the page needs. In another order any file may have the next.
    """
    files_in_reach = context.files(request.filters.dates, asks_hidden=asks_hidden(request.filters))
    is_by_key = request.order.column == FLIGHT_ID
    steps = _batches(files_in_reach, request.order.descending) if is_by_key else iter((files_in_reach,))
    missing_rows = request.limit + 1  # one more tells whether there is a next page
    tables: list[pa.Table] = []
    for files in steps:

        def query(local: LocalFiles, rows: int = missing_rows) -> Query:
            return _page_query(request, local, rows)

        table = await context.fetch(files, query, use_tail_cache=True)
        tables.append(table)
        missing_rows -= table.num_rows
        if missing_rows == 0:
            break
    return _page(tables, request)


async def flight_state(key: FlightKey, context: QueryContext) -> FlightState | None:
    """The newest event of the flight, void or not; None when it has none.

    A flight that is not among those that answers show may be among the hidden ones.
    """
    dates = Dates(key.flight_date, key.flight_date)
    files = context.files(dates)
    everything = context.files(dates, asks_hidden=True)
    state = await _state_in(key, context, files)
    return await _state_in(key, context, everything) if state is None and everything != files else state


async def _state_in(key: FlightKey, context: QueryContext, files: FileSet) -> FlightState | None:
    if not files.all:
        return None
    table = await context.fetch(files, lambda local: _flight_query(key, local))
    if table.num_rows == 0:
        return None
    source = table.slice(0, 1).to_pylist()[0]
    position = source["source_position"] - 1
    return FlightState(
        table=table.select(FLIGHT_COLUMNS),
        event_time=source["state_event_time"],
        withdrawn=source["status"] == "void",
        file=files.names[position],
        absorbed=position < len(files.months),
        message_id=source["message_id"],
        message_line=source["message_line"],
    )


async def flight_events(request: FlightEventsRequest, context: QueryContext) -> Rows:
    """Every event of the flight in the files of its date, newest first, withdrawn ones too.

    Raises ProblemError (404) when there is none.
    """
    files = context.files(request.filters.dates, asks_hidden=True)
    table = await context.fetch(files, lambda local: _events_query(request.key, local)) if files.all else None
    if table is None or table.num_rows == 0:
        raise flight_missing_error(request.key.flight_id)
    shown = table.slice(0, EVENTS_MOST)
    positions = [position - 1 for position in shown["source_position"].to_pylist()]
    added = {
        "file": pa.array([files.names[position] for position in positions], pa.string()),
        "absorbed": pa.array([position < len(files.months) for position in positions], pa.bool_()),
        "is_newest": pa.array([row == 0 for row in range(shown.num_rows)], pa.bool_()),
    }
    shown = shown.drop_columns(["source_position"])
    for name, column in added.items():
        shown = shown.append_column(name, column)
    return Rows(shown, {"truncated": table.num_rows > EVENTS_MOST})


def _events_query(key: FlightKey, local: LocalFiles) -> Query:
    """Each event once, with the first file that has it, a month file before landed ones, and how many copies it has."""
    same_key, paths = _of_flight(local)
    sql = f"""
WITH sources AS (
    SELECT {_EVENT}, min(list_position({paths}, filename)) AS source_position, count(*) AS copies
    FROM read_parquet({paths}, hive_partitioning = false, filename = true)
    WHERE {same_key} GROUP BY {_EVENT}
), events AS (
    SELECT * FROM {read_files([*local.months, *local.tail])} WHERE {same_key}
    QUALIFY row_number() OVER (PARTITION BY {_EVENT}) = 1
)
SELECT {_SHOWN}, message_id, message_line::BIGINT AS message_line, copies, source_position
FROM events JOIN sources USING ({_EVENT})
ORDER BY {", ".join(f"{column} DESC" for column in ORDER)} LIMIT {EVENTS_MOST + 1}"""
    return Query(sql, {column: getattr(key, column) for column in KEY})


def _of_flight(local: LocalFiles) -> tuple[str, str]:
    """A condition for one key, and the list of all files."""
    paths = f"[{', '.join(quoted(str(path)) for path in (*local.months, *local.tail))}]"
    return " AND ".join(f"{column} = ${column}" for column in KEY), paths


def _flight_query(key: FlightKey, local: LocalFiles) -> Query:
    """The state joined with the files that hold the same event; a month file is named before a tail file."""
    same_key, paths = _of_flight(local)
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


def _page_query(request: FlightsRequest, local: LocalFiles, rows: int) -> Query:
    """The next flights of `local`. A delay is of the state: it is compared after "newest wins"."""
    order, is_by_key = request.order, request.order.column == FLIGHT_ID
    matching = conditions(request.filters, request.after if is_by_key else None, order.descending)
    after, values = [matching.after], dict(matching.values)
    if request.delay is not None:
        for bound, sign in ((request.delay.least, ">="), (request.delay.most, "<=")):
            after += [f"{request.delay.column} {sign} {bound}"] if bound is not None else []
    if request.after is not None and not is_by_key:
        after.append(_beyond(request, values))
    state = f"SELECT * FROM ({local.state(matching.before)}) WHERE {' AND '.join(after)}"
    if is_by_key:
        sorting = ", ".join(f"{column} DESC" for column in KEY) if order.descending else SORT_KEY
    else:
        sorting = f"{order.column} {'DESC' if order.descending else 'ASC'} NULLS LAST, {SORT_KEY}"
    found = f"SELECT * FROM ({state}) ORDER BY {sorting} LIMIT {rows}"
    return Query(f"SELECT {_SHOWN} FROM ({found}) ORDER BY {sorting}", values)


def _beyond(request: FlightsRequest, values: dict[str, Any]) -> str:
    """A condition for flights after the last one of the page before, in an order that is not that of the key."""
    assert request.after is not None
    key, bound = beyond_key(request.after)
    values |= bound
    column = request.order.column
    if request.after_value is None:
        return f"({column} IS NULL AND {key})"
    if column == "scheduled_departure":
        column = f"epoch_us({column})"
    values["beyond_value"] = request.after_value
    sign = "<" if request.order.descending else ">"
    return f"({column} {sign} $beyond_value OR ({column} = $beyond_value AND {key}) OR {column} IS NULL)"


def _batches(files: FileSet, descending: bool) -> Iterator[FileSet]:
    """The files of one month, then month by month as many as BATCH_BYTES allow; at least one batch."""
    entries: dict[str, list[MonthFile]] = {}
    for entry in files.months:
        entries.setdefault(object_names.month_of(entry.min_flight_date), []).append(entry)
    tails = by_month(files.tail)
    batch, room = FileSet((), ()), 0
    for month in sorted(entries.keys() | tails.keys(), reverse=descending):
        step = FileSet(tuple(entries.get(month, ())), tuple(tails.get(month, ())))
        if batch.all and batch.bytes + step.bytes > room:
            yield batch
            batch, room = FileSet((), ()), BATCH_BYTES
        batch = FileSet(batch.months + step.months, batch.tail + step.tail)
    yield batch


def _page(tables: list[pa.Table], request: FlightsRequest) -> Rows:
    table = pa.concat_tables(tables)
    shown = table.slice(0, request.limit)
    cursor = None
    if table.num_rows > request.limit:
        column = request.order.column
        value = None if column == FLIGHT_ID else shown[column][-1].cast(pa.int64()).as_py()
        cursor = cursor_of(shown[FLIGHT_ID][-1].as_py(), request.order, value)
    return Rows(shown.select(request.columns), {"truncated": cursor is not None, "next_cursor": cursor})


def _shown(column: str) -> str:
    """SQL of one column of the answer."""
    if column == "flight_id":
        number = "flight_number || operational_suffix"
        return f"strftime(flight_date, '%Y-%m-%d') || '-' || carrier || '-' || {number} || '-' || origin AS flight_id"
    kind = EVENT_SCHEMA.field(column).type
    return f"{column}::BIGINT AS {column}" if pa.types.is_integer(kind) else column


_EVENT = ", ".join((*KEY, *ORDER))
"""What an event is known by."""

_SHOWN = ", ".join(_shown(column) for column in FLIGHT_COLUMNS)
