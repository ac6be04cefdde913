"""The flight dates that a query can need, from the plan that DuckDB makes for it.

The plan is made over stand-ins without rows and without statistics, so all that it leaves out, it
leaves out because of the query, whatever the rows are. A filter that it pushes into a scan holds for
every row that the query uses. Where anything is not understood, the answer is all dates.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import duckdb

from lakehouse.client.query import QueryError, reason
from lakehouse.client.views import EVENT_VIEWS
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.table.planner import ALL_DATES, Dates

NO_DATES: Final = Dates(dt.date.max, dt.date.min)
"""Of a query that reads no flights."""

_SCAN: Final = "ARROW_SCAN"
_UNDERSTOOD: Final = frozenset(
    {
        *("ARROW_SCAN", "COLUMN_DATA_SCAN", "CTE_SCAN", "DELIM_SCAN", "DUMMY_SCAN", "EMPTY_RESULT", "RANGE"),
        *("FILTER", "PROJECTION", "UNNEST", "UNION", "CTE", "LIMIT", "STREAMING_LIMIT", "TOP_N", "ORDER_BY"),
        *("HASH_GROUP_BY", "PERFECT_HASH_GROUP_BY", "UNGROUPED_AGGREGATE", "WINDOW", "STREAMING_WINDOW"),
        *("HASH_JOIN", "NESTED_LOOP_JOIN", "BLOCKWISE_NL_JOIN", "PIECEWISE_MERGE_JOIN", "IE_JOIN", "CROSS_PRODUCT"),
        *("LEFT_DELIM_JOIN", "RIGHT_DELIM_JOIN"),
    }
)
"""Operators that show all that is below them, and read nothing that may be another at the next look."""
_REFERENCE_SCAN: Final = re.compile(r"lake\.main\.(airports|carriers)")

_NOT_A_QUERY: Final = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
_OURS: Final = "plan."
_SNAPSHOT: Final = "SELECT (random() * 0)::BIGINT AS number, now() + to_seconds(random()) AS listed_at"
"""Values that nothing can be concluded from."""

_TERM: Final = r"flight_date(=|>=|<=|>|<)'(\d{4}-\d{2}-\d{2})'::DATE"
_ONE: Final = re.compile(_TERM)
_ALL_OF: Final = re.compile(rf"(?:optional: )?{_TERM}(?: AND {_TERM})*")
_ONE_OF: Final = re.compile(rf"optional: {_TERM}(?: OR {_TERM})+")
_IN: Final = re.compile(r"(?:optional: )?flight_date IN \('\d{4}-\d{2}-\d{2}'::DATE(?:, '\d{4}-\d{2}-\d{2}'::DATE)*\)")
_DATE: Final = re.compile(r"'(\d{4}-\d{2}-\d{2})'::DATE")
_DAY: Final = dt.timedelta(days=1)


def dates_of(connection: duckdb.DuckDBPyConnection, query: str) -> Dates:
    """The dates of all rows of the lake that `query` uses, from the first to the last one.

    It begins a transaction and leaves it open, unless these are all dates: run the query in it. Its clock stands
    still, so `current_date` is what it was. Nothing must be attached as `plan` yet. Raises QueryError for what is no
    query over these views, which nothing has to be read for.
    """
    try:
        if [statement.type for statement in connection.extract_statements(query)] != [duckdb.StatementType.SELECT]:
            return ALL_DATES
        connection.begin()
        found = _dates_of_plan(_plan(connection, query))
    except _NOT_A_QUERY as error:
        _end(connection)
        if _OURS in str(error):  # it names our database, and not only a view: the stand-ins are not there
            return ALL_DATES
        raise QueryError(reason(str(error))) from error
    except (duckdb.Error, ValueError, KeyError, TypeError):  # the query itself will say what is wrong with it
        found = ALL_DATES
    if found == ALL_DATES:
        _end(connection)
    return found


def _end(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:  # none has begun
        return


def _plan(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    stand_in = EVENT_SCHEMA.empty_table()
    for view in EVENT_VIEWS:
        connection.register(view, stand_in)  # for this connection alone, before a view of that name
    connection.execute(f"CREATE TEMP VIEW snapshot AS {_SNAPSHOT}")
    try:
        rows = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    finally:
        for view in EVENT_VIEWS:
            connection.unregister(view)
        connection.execute("DROP VIEW temp.snapshot")
    ((_, text),) = rows
    return json.loads(text)


def _dates_of_plan(plan: Any) -> Dates:
    """Raises what comes of a plan that does not look as expected."""
    ranges = []
    for operator in _operators(plan):
        if operator["name"].strip() == _SCAN:
            ranges.append(_dates_of_scan(operator["extra_info"]))
        elif not _is_understood(operator):
            return ALL_DATES
    return _hull(ranges) if ranges else NO_DATES


def _operators(operators: Sequence[Any]) -> Iterator[Any]:
    for operator in operators:
        yield operator
        yield from _operators(operator["children"])


def _is_understood(operator: Any) -> bool:
    if operator["name"].strip() in _UNDERSTOOD:
        return True
    return _REFERENCE_SCAN.fullmatch(str(operator["extra_info"].get("Table", ""))) is not None


def _dates_of_scan(info: Any) -> Dates:
    """Of the filters that all hold; those that are not understood could only make it narrower."""
    filters = info.get("Filters", [])
    found = ALL_DATES
    for text in [filters] if isinstance(filters, str) else filters:
        found = both(found, _dates_of_filter(text))
    return found


def _dates_of_filter(text: str) -> Dates:
    if _ALL_OF.fullmatch(text):
        found = ALL_DATES
        for comparison, date in _ONE.findall(text):
            found = both(found, _compared(comparison, date))
        return found
    if _ONE_OF.fullmatch(text):
        return _hull([_compared(comparison, date) for comparison, date in _ONE.findall(text)])
    if _IN.fullmatch(text):
        return _hull([_compared("=", date) for date in _DATE.findall(text)])
    return ALL_DATES


def _compared(comparison: str, text: str) -> Dates:
    date = dt.date.fromisoformat(text)
    match comparison:
        case "=":
            return Dates(date, date)
        case ">=":
            return Dates(date, None)
        case ">":
            return Dates(date if date == dt.date.max else date + _DAY, None)
        case "<=":
            return Dates(None, date)
    return Dates(None, date if date == dt.date.min else date - _DAY)


def both(one: Dates, other: Dates) -> Dates:
    """The dates that are in both."""
    firsts = [date for date in (one.first, other.first) if date is not None]
    lasts = [date for date in (one.last, other.last) if date is not None]
    return Dates(max(firsts, default=None), min(lasts, default=None))  # may be none at all: first after last


def _hull(ranges: Sequence[Dates]) -> Dates:
    """From the first to the last of them all."""
    firsts, lasts = [each.first for each in ranges], [each.last for each in ranges]
    return Dates(
        None if None in firsts else min(first for first in firsts if first is not None),
        None if None in lasts else max(last for last in lasts if last is not None),
    )
