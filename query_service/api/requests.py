"""Turns an HTTP request into a frozen `StatsRequest`, `FlightsRequest` or one of `lookup_requests.py`.

`parameters.py` says which values a parameter takes. Here are the rules between parameters, what
routes depend on in their signatures, and cancellation when the caller disconnects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Path, Request

from lakehouse.schema.event import FLIGHT_ID_PATTERN
from lakehouse.table.planner import Dates
from query_service.api import parameters as table
from query_service.api.flight_pages import delay_range, order_of, page_end
from query_service.api.lookup_requests import flight_events_request, flight_request, reference_request
from query_service.api.query_string import Parameter, Parameters, contradiction_error, pairs_of, parse
from query_service.auth.api_keys import NO_KEY
from query_service.auth.middleware import KEY_IN_SCOPE
from query_service.errors import caller_gone_error, parameter_error
from query_service.lifespan import Services
from query_service.middleware.access_log import ADDRESS_IN_SCOPE, network
from query_service.middleware.headers import HEAD_IN_SCOPE
from query_service.queries.model import (
    FLIGHT_COLUMNS,
    FLIGHT_ID,
    METRICS,
    Filters,
    FlightEventsRequest,
    FlightRequest,
    FlightsRequest,
    Order,
    ReferenceRequest,
    StatsRequest,
)
from query_service.queries.reference import NAMES
from query_service.representation.etag import ResponsePreferences, parse_if_match, parse_if_none_match
from query_service.representation.negotiation import CSV, TABLES, Format, negotiate, negotiate_coding
from query_service.representation.ranges import PartialRead, parse_range

Pairs = Sequence[tuple[str, str]]

_STATS: Final = table.parameters_of(table.STATS)
_FLIGHTS: Final = table.parameters_of(table.FLIGHTS)
_LAKE: Final = table.parameters_of(table.LAKE)

_AGENT_CHARACTERS: Final = 100  # enough to tell programs apart

_IN_TURN: Final = sorted(table.FILTERS, key=lambda parameter: parameter.type.schema["type"])
"""Filters as they are checked: integers before strings. Of several mistakes the first is told."""


def stats_request(pairs: Pairs, max_values: int) -> StatsRequest:
    """Reads the query string of /v1/stats, at most `max_values` of a filter. Raises ProblemError."""
    given = Parameters(pairs, _STATS, max_values)
    group_by = _listed_once(given, table.GROUP_BY)
    return StatsRequest(
        filters=_filters(given),
        group_by=group_by,
        order_by=_order_by(given, (*group_by, *METRICS)),
        min_flights=_min_flights(given, group_by),
        on_time_minutes=given.one(table.ON_TIME),
        limit=given.one(table.STATS_ROWS),
        snapshot=given.one(table.SNAPSHOT),
        names=_names(given, group_by, table.GROUP_BY),
    )


def flights_request(pairs: Pairs, max_values: int) -> FlightsRequest:
    """Reads the query string of /v1/flights, at most `max_values` of a filter. Raises ProblemError."""
    given = Parameters(pairs, _FLIGHTS, max_values)
    filters, delay, order = _filters(given), delay_range(given), order_of(given.one(table.FLIGHTS_ORDER))
    columns = _listed_once(given, table.COLUMNS) or FLIGHT_COLUMNS
    limit = given.one(table.FLIGHTS_ROWS)
    after, value = page_end(given, order)
    if after is not None and order.column == FLIGHT_ID:
        beyond = filters.dates.until if order.descending else filters.dates.since
        filters = replace(filters, dates=beyond(after.flight_date))
    snapshot, names = given.one(table.SNAPSHOT), _names(given, columns, table.COLUMNS)
    return FlightsRequest(filters, limit, after, snapshot, order, value, delay, columns, names)


def _escapes_formulas(pairs: Pairs, format: Format) -> bool:
    """Read where the format is known: with another one it would do nothing."""
    asked = [value for name, value in pairs if name == table.ESCAPE_FORMULAS.name]
    if not asked:
        return False
    if len(asked) > 1:
        raise parameter_error(table.ESCAPE_FORMULAS.name, ", ".join(asked), "one value, not several")
    is_escaped = parse(table.ESCAPE_FORMULAS, asked[0]) == "true"
    if is_escaped and format != CSV:
        raise parameter_error(table.ESCAPE_FORMULAS.name, asked[0], "format=csv beside it")
    return is_escaped


def only_format(pairs: Pairs) -> None:
    """Reads the query string of /v1/lake, as far as there may be one. Raises ProblemError (422)."""
    Parameters(pairs, _LAKE)


def _filters(given: Parameters) -> Filters:
    first, last = given.one(table.DATE_FROM), given.one(table.DATE_TO)
    if first is not None and last is not None and first > last:
        raise contradiction_error(given, table.DATE_FROM, f"a date not after date_to, which is {last}")
    # Sorted: the order of alternatives makes no other question.
    alternatives = {parameter.name: tuple(sorted(given.alternatives(parameter))) for parameter in _IN_TURN}
    return Filters(Dates(first, last), **alternatives)


def _listed_once(given: Parameters, parameter: Parameter[Any]) -> tuple[str, ...]:
    items = given.listed(parameter)
    for position, item in enumerate(items):
        parse(parameter, item)
        if item in items[:position]:
            raise contradiction_error(given, parameter, f"each name once, and {item} is there twice")
    return tuple(items)


def _order_by(given: Parameters, columns: tuple[str, ...]) -> tuple[Order, ...]:
    items = given.listed(table.ORDER_BY)
    orders: list[Order] = []
    for item in items:
        order = order_of(item)
        if order.column not in columns:
            expected = f"{table.ORDER_BY.type.expected}: {', '.join(columns)}"
            raise parameter_error(table.ORDER_BY.name, item, expected)
        if order.column in [earlier.column for earlier in orders]:
            raise contradiction_error(given, table.ORDER_BY, f"each column once, and {order.column} is there twice")
        orders.append(order)
    return tuple(orders)


def _min_flights(given: Parameters, group_by: tuple[str, ...]) -> int:
    least = given.one(table.LEAST_FLIGHTS)
    if given.has(table.LEAST_FLIGHTS) and not group_by:
        raise contradiction_error(
            given, table.LEAST_FLIGHTS, "a group_by beside it: without groups there is always one row"
        )
    return least


def _names(given: Parameters, columns: tuple[str, ...], chosen: Parameter[Any]) -> bool:
    """`chosen` has decided which columns the answer has."""
    if given.one(table.NAMES) == "false":
        return False
    named = [column for column in NAMES if column in chosen.type.schema["enum"]]
    if not set(named) & set(columns):
        expected = f"a column of codes beside it: {chosen.name} with one of {', '.join(named)}"
        raise contradiction_error(given, table.NAMES, expected)
    return True


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


async def _metrics_page(request: Request) -> bytes:
    page: bytes = request.app.state.metrics_page()
    return page


def _pairs(request: Request) -> list[tuple[str, str]]:
    return pairs_of(request.scope["query_string"])


def _header(request: Request, name: str) -> str | None:
    """A header that is a list, which may have come in several lines; None when it is empty or not there."""
    return ", ".join(request.headers.getlist(name)) or None


def stats_question(request: Request) -> tuple[Services, StatsRequest, ResponsePreferences]:
    """All that a request to /v1/stats needs. Raises ProblemError (406, 422)."""
    state = request.app.state
    pairs, asked = state.stats_queries.read(request.scope["query_string"])
    return state.services, asked, _preferences_of(request, pairs)


async def _flights_request_of(request: Request, services: ServicesOf) -> FlightsRequest:
    return flights_request(_pairs(request), services.filter_max_values)


_FlightId = Annotated[
    str,
    Path(
        description="Date, carrier, number with its suffix, origin",
        examples=["2013-01-01-UA-1545-EWR"],
        json_schema_extra={"pattern": f"^{FLIGHT_ID_PATTERN.replace('A-Z', 'A-Za-z')}$"},
    ),
]


async def _flight_request_of(request: Request, flight_id: _FlightId) -> FlightRequest:
    return flight_request(flight_id, _pairs(request))


async def _flight_events_request_of(request: Request, flight_id: _FlightId) -> FlightEventsRequest:
    return flight_events_request(flight_id, _pairs(request))


async def _airports_request(request: Request) -> ReferenceRequest:
    return reference_request("airports", _pairs(request))


async def _carriers_request(request: Request) -> ReferenceRequest:
    return reference_request("carriers", _pairs(request))


async def _only_format(request: Request) -> None:
    pairs = _pairs(request)
    only_format(pairs)
    negotiate(pairs, _header(request, "accept"))


async def _table_preferences(request: Request) -> ResponsePreferences:
    return _preferences_of(request, _pairs(request))


def _preferences_of(request: Request, pairs: Pairs) -> ResponsePreferences:
    format = negotiate(pairs, _header(request, "accept"), TABLES)
    return ResponsePreferences(
        format,
        negotiate_coding(_header(request, "accept-encoding")),
        parse_if_none_match(_header(request, "if-none-match")),
        _escapes_formulas(pairs, format),
        parse_if_match(_header(request, "if-match")),
        _partial_read(request),
    )


async def _document_preferences(request: Request) -> ResponsePreferences:
    return ResponsePreferences(
        negotiate(_pairs(request), _header(request, "accept")),
        if_none_match=parse_if_none_match(_header(request, "if-none-match")),
        if_match=parse_if_match(_header(request, "if-match")),
        part=_partial_read(request),
    )


def _partial_read(request: Request) -> PartialRead | None:
    """Of GET alone; a HEAD begins one (RFC 9110, section 14.2)."""
    is_head = HEAD_IN_SCOPE in request.scope
    sent = None if is_head else _header(request, "range")
    byte_range = None if sent is None else parse_range(sent)
    if byte_range is None and not is_head:
        return None
    reader = f"{_caller_of(request)} {request.headers.get('user-agent', '')[:_AGENT_CHARACTERS]}"
    return PartialRead(byte_range, _header(request, "if-range"), reader)


async def _caller(request: Request) -> str:
    return _caller_of(request)


def _caller_of(request: Request) -> str:
    """Whose request it is, where callers have shares: the name of the key, else the address."""
    key = request.scope.get(KEY_IN_SCOPE, NO_KEY)
    return key if key != NO_KEY else network(request.scope.get(ADDRESS_IN_SCOPE, ""))


CallerOf = Annotated[str, Depends(_caller)]
FlightsRequestOf = Annotated[FlightsRequest, Depends(_flights_request_of)]
FlightRequestOf = Annotated[FlightRequest, Depends(_flight_request_of)]
FlightEventsRequestOf = Annotated[FlightEventsRequest, Depends(_flight_events_request_of)]
AirportsRequestOf = Annotated[ReferenceRequest, Depends(_airports_request)]
CarriersRequestOf = Annotated[ReferenceRequest, Depends(_carriers_request)]
TablePreferences = Annotated[ResponsePreferences, Depends(_table_preferences)]
DocumentPreferences = Annotated[ResponsePreferences, Depends(_document_preferences)]
MetricsPage = Annotated[bytes, Depends(_metrics_page)]
OnlyFormat = Depends(_only_format)

_WATCH_AFTER_S: Final = 0.005  # a check costs a task and two turns of the loop: too much for kept answers

T = TypeVar("T")


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; cancels it when the caller leaves first."""
    task = asyncio.current_task()
    assert task is not None
    cancelling = task.cancelling()
    watch = _Watch(request, task)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.has_cancelled and task.uncancel() <= cancelling:  # nothing else has asked for it
            raise caller_gone_error() from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels `task` when the caller of `request` disconnects, until `end`."""

    def __init__(self, request: Request, task: asyncio.Task[Any]) -> None:
        self.has_cancelled = False
        self._request = request
        self._task = task
        self._is_over = False
        self._leaving: asyncio.Task[None] | None = None
        self._beginning = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._begin)

    def end(self) -> None:
        self._is_over = True
        self._beginning.cancel()
        if self._leaving is not None:
            self._leaving.cancel()

    def _begin(self) -> None:
        self._leaving = asyncio.create_task(_disconnected(self._request))
        self._leaving.add_done_callback(self._left)

    def _left(self, leaving: asyncio.Task[None]) -> None:
        if not self._is_over and not leaving.cancelled():  # it may have ended in this very turn of the loop
            self.has_cancelled = True
            self._task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
