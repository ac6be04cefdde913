"""From the query string to frozen questions, or to a problem that names the parameter.

What one value may be says `parameter_table`; rules between parameters are here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

from lakehouse.schema.event import FlightKey, parse_flight_id
from query_service.api import parameters as table
from query_service.api.query_string import Parameter, Parameters, parse, wrong_value_error
from query_service.errors import ProblemError, parameter_error
from query_service.queries.model import (
    METRICS,
    Dates,
    Filters,
    FlightRequest,
    FlightsRequest,
    Order,
    StatsRequest,
    cursor_of,
)

Pairs = Sequence[tuple[str, str]]

_STATS: Final = table.parameters_of(table.STATS)
_FLIGHTS: Final = table.parameters_of(table.FLIGHTS)
_FLIGHT: Final = table.parameters_of(table.FLIGHT)
_LAKE: Final = table.parameters_of(table.LAKE)

_IN_TURN: Final = sorted(table.FILTERS, key=lambda parameter: parameter.type.schema["type"])
"""Filters as they are checked: integers before strings. Of several mistakes the first is told."""


def stats_request(pairs: Pairs, max_values: int) -> StatsRequest:
    """Reads the query string of /v1/stats, at most `max_values` of a filter. Raises ProblemError."""
    given = Parameters(pairs, _STATS, max_values)
    group_by = _group_by(given)
    return StatsRequest(
        filters=_filters(given),
        group_by=group_by,
        order_by=_order_by(given, (*group_by, *METRICS)),
        limit=given.one(table.STATS_ROWS),
        snapshot=given.one(table.SNAPSHOT),
    )


def flights_request(pairs: Pairs, max_values: int) -> FlightsRequest:
    """Reads the query string of /v1/flights, at most `max_values` of a filter. Raises ProblemError."""
    given = Parameters(pairs, _FLIGHTS, max_values)
    return FlightsRequest(
        filters=_filters(given),
        limit=given.one(table.FLIGHTS_ROWS),
        after=_cursor(given),
        snapshot=given.one(table.SNAPSHOT),
    )


def flight_request(flight_id: str, pairs: Pairs) -> FlightRequest:
    """Reads path and query string of /v1/flights/{flight_id}. Raises ProblemError (422)."""
    given = Parameters(pairs, _FLIGHT)
    min_event_time, wait_s = given.one(table.MIN_EVENT_TIME), given.one(table.WAIT_S)
    if wait_s is not None and min_event_time is None:
        raise _contradiction(given, table.WAIT_S, "a min_event_time beside it, to wait for")
    snapshot = given.one(table.SNAPSHOT)
    if snapshot is not None and min_event_time is not None:
        raise _contradiction(given, table.SNAPSHOT, "no min_event_time beside it: a snapshot does not change")
    try:
        key = parse_flight_id(flight_id)
    except ValueError:
        expected = "date, carrier, number with its suffix, and origin, like 2013-01-01-UA-1545-EWR"
        raise parameter_error("flight_id", flight_id, expected) from None
    return FlightRequest(key, min_event_time, wait_s or 0.0, snapshot)


def only_format(pairs: Pairs) -> None:
    """Reads the query string of /v1/lake, as far as there may be one. Raises ProblemError (422)."""
    Parameters(pairs, _LAKE)


def _filters(given: Parameters) -> Filters:
    first, last = given.one(table.DATE_FROM), given.one(table.DATE_TO)
    if first is not None and last is not None and first > last:
        raise _contradiction(given, table.DATE_FROM, f"a date not after date_to, which is {last}")
    # Sorted: the order of alternatives makes no other question.
    alternatives = {parameter.name: tuple(sorted(given.alternatives(parameter))) for parameter in _IN_TURN}
    return Filters(Dates(first, last), **alternatives)


def _group_by(given: Parameters) -> tuple[str, ...]:
    items = given.listed(table.GROUP_BY)
    for position, item in enumerate(items):
        parse(table.GROUP_BY, item)
        if item in items[:position]:
            raise _contradiction(given, table.GROUP_BY, f"each name once, and {item} is there twice")
    return tuple(items)


def _order_by(given: Parameters, columns: tuple[str, ...]) -> tuple[Order, ...]:
    items = given.listed(table.ORDER_BY)
    orders = tuple(Order(item.removeprefix("-"), item.startswith("-")) for item in items)
    for position, order in enumerate(orders):
        if order.column not in columns:
            expected = f"{table.ORDER_BY.type.expected}: {', '.join(columns)}"
            raise parameter_error(table.ORDER_BY.name, items[position], expected)
        if order.column in [earlier.column for earlier in orders[:position]]:
            raise _contradiction(given, table.ORDER_BY, f"each column once, and {order.column} is there twice")
    return orders


def _cursor(given: Parameters) -> FlightKey | None:
    cursor = given.one(table.CURSOR)
    if cursor is None:
        return None
    try:
        key = parse_flight_id(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
        if cursor_of(key.flight_id) == cursor:
            return key
    except (ValueError, binascii.Error):
        pass  # not what next_cursor gives
    raise wrong_value_error(table.CURSOR, cursor)


def _contradiction(given: Parameters, parameter: Parameter[Any], expected: str) -> ProblemError:
    return parameter_error(parameter.name, given.sent(parameter), expected)
