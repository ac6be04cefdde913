"""Every parameter of the query string, once: for the parser and for the OpenAPI document.

A new filter is an entry here and a field of `queries.model.Filters`. A value that its type allows
is accepted; rules between parameters are in `requests.py`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from lakehouse.object_names import MAX_SNAPSHOT
from lakehouse.schema.event import (
    AIRPORT_PATTERN,
    CARRIER_PATTERN,
    MAX_DELAY_MINUTES,
    MAX_FLIGHT_NUMBER,
    MAX_TAIL_NUMBER_CHARACTERS,
    MIN_DELAY_MINUTES,
    STATUSES,
)
from query_service.api.query_string import Parameter, Type, any_text, code, date, integer, one_of, seconds, text, time
from query_service.queries.model import (
    BY_KEY,
    CURSOR_PATTERN,
    DELAYS,
    FLIGHT_COLUMNS,
    FLIGHT_ID,
    FLIGHT_ORDERS,
    FLIGHTS_LIMIT,
    FLIGHTS_LIMIT_MOST,
    GROUPS,
    METRICS,
    MIN_FLIGHTS,
    MIN_FLIGHTS_MOST,
    ON_TIME_MINUTES,
    ON_TIME_MINUTES_MOST,
    STATS_LIMIT,
    STATS_LIMIT_MOST,
    WAIT_MOST_S,
    cursor_of,
)
from query_service.representation.negotiation import DOCUMENTS, TABLES, Format

STATS: Final = "/v1/stats"
FLIGHTS: Final = "/v1/flights"
FLIGHT: Final = "/v1/flights/{flight_id}"
EVENTS: Final = "/v1/flights/{flight_id}/events"
LAKE: Final = "/v1/lake"
AIRPORTS: Final = "/v1/airports"
CARRIERS: Final = "/v1/carriers"

_AIRPORT: Final = code(AIRPORT_PATTERN, "an airport of three or four capital letters or digits, like EWR")


def _filter(name: str, type_: Type[Any], description: str, *examples: str | int) -> Parameter[Any]:
    """A list: its values are alternatives."""
    return Parameter(
        name=name,
        endpoints=(STATS, FLIGHTS),
        type=type_,
        description=f"{description} Several, repeated or separated by commas, are alternatives.",
        example=list(examples),
        default=None,
        is_repeatable=True,
        is_comma_separated=True,
        max_values_setting="filter_max_values",
    )


FILTERS: Final = (
    _filter(
        "carrier",
        code(CARRIER_PATTERN, "a carrier of two or three capital letters or digits, like UA"),
        "Operating carrier.",
        *("UA", "AA"),
    ),
    _filter("origin", _AIRPORT, "Airport of departure.", "EWR"),
    _filter("destination", _AIRPORT, "Airport of arrival, as planned.", "IAH"),
    _filter("flight_number", integer(MAX_FLIGHT_NUMBER), "Flight number.", 1545),
    _filter("tail_number", any_text(MAX_TAIL_NUMBER_CHARACTERS), "Tail number.", "N14228"),
    _filter("status", one_of(STATUSES), "Newest status; `void` flights are in no answer.", "arrived"),
    _filter("weekday", integer(7), "Weekday of the flight date, from 1 (Monday) to 7 (Sunday).", 2),
    _filter("hour", integer(23, 0), "Local hour of the scheduled departure.", 5, 6),
)
"""Each is a group and a field of `queries.model.Filters`."""

DATE_FROM: Final[Parameter[dt.date | None]] = Parameter(
    name="date_from",
    endpoints=(STATS, FLIGHTS),
    type=date(),
    description="First flight date, inclusive.",
    example="2013-01-01",
    default=None,
)
DATE_TO: Final[Parameter[dt.date | None]] = Parameter(
    name="date_to",
    endpoints=(STATS, FLIGHTS),
    type=date(),
    description="Last flight date, inclusive.",
    example="2013-01-31",
    default=None,
)
GROUP_BY: Final[Parameter[str | None]] = Parameter(
    name="group_by",
    endpoints=(STATS,),
    type=one_of(GROUPS),
    description="Groups, repeated or separated by commas. Without any: one row.",
    example=["carrier", "month"],
    default=None,
    is_repeatable=True,
    is_comma_separated=True,
    is_unique=True,
)
ORDER_BY: Final[Parameter[str | None]] = Parameter(
    name="order_by",
    endpoints=(STATS,),
    type=text(f"-?({'|'.join((*GROUPS, *METRICS))})", "columns of this result, with - in front for descending"),
    description="Columns of this result separated by commas, each once, `-` in front for descending. Nulls come last"
    " both ways; ties are ordered by the groups.",
    example="-flights,carrier",
    default=None,
    is_comma_separated=True,
)
LEAST_FLIGHTS: Final[Parameter[int]] = Parameter(
    name="min_flights",
    endpoints=(STATS,),
    type=integer(MIN_FLIGHTS_MOST, MIN_FLIGHTS),
    description="Only groups with at least so many flights; `limit` counts what is left. Only with `group_by`.",
    example=100,
    default=MIN_FLIGHTS,
)
ON_TIME: Final[Parameter[int]] = Parameter(
    name="on_time_minutes",
    endpoints=(STATS,),
    type=integer(ON_TIME_MINUTES_MOST, 0),
    description="A flight is on time when its delay is less than so many minutes; early ones are. The default is that"
    " of the US DOT. It decides `on_time_departure_rate` and `on_time_arrival_rate`.",
    example=30,
    default=ON_TIME_MINUTES,
)
STATS_ROWS: Final[Parameter[int]] = Parameter(
    name="limit",
    endpoints=(STATS,),
    type=integer(STATS_LIMIT_MOST),
    description="Most rows; `truncated` tells whether there are more.",
    example=100,
    default=STATS_LIMIT,
)
FLIGHTS_ROWS: Final[Parameter[int]] = Parameter(
    name="limit",
    endpoints=(FLIGHTS,),
    type=integer(FLIGHTS_LIMIT_MOST),
    description="Most flights on a page.",
    example=100,
    default=FLIGHTS_LIMIT,
)
CURSOR: Final[Parameter[str | None]] = Parameter(
    name="cursor",
    endpoints=(FLIGHTS,),
    type=text(CURSOR_PATTERN, "the next_cursor of an earlier page, unchanged"),
    description="`next_cursor` of the page before.",
    example=cursor_of("2013-01-01-UA-1545-EWR"),
    default=None,
)
FLIGHTS_ORDER: Final[Parameter[str]] = Parameter(
    name="order_by",
    endpoints=(FLIGHTS,),
    type=one_of(
        tuple(f"{sign}{column}" for column in FLIGHT_ORDERS for sign in ("", "-")),
        tuple(f"{column}{word}".upper() for column in FLIGHT_ORDERS for word in ("", "_descending")),
    ),
    description="The order of the flights, `-` in front for descending. `flight_id` is by the parts of the key, in"
    " turn. Nulls come last both ways; ties are ordered by the key. A flight whose delay changes between two pages may"
    " be on both or on none; by `flight_id` no page repeats a flight, or skips one that matches throughout.",
    example=FLIGHT_ID,  # goes with that of the cursor
    default=BY_KEY.column,
)
DELAY: Final[Parameter[str | None]] = Parameter(
    name="delay",
    endpoints=(FLIGHTS,),
    type=one_of(DELAYS),
    description="Which delay `delay_min` and `delay_max` are about: `departure_delay_minutes` or"
    " `arrival_delay_minutes`.",
    example="departure",
    default=None,
)


def _delay_bound(name: str, description: str, example: int) -> Parameter[int | None]:
    return Parameter(
        name=name,
        endpoints=(FLIGHTS,),
        type=integer(MAX_DELAY_MINUTES, MIN_DELAY_MINUTES),
        description=f"{description} Only with `delay`; flights without that delay do not match.",
        example=example,
        default=None,
    )


DELAY_MIN: Final = _delay_bound("delay_min", "Least delay in minutes, inclusive; early is negative.", 15)
DELAY_MAX: Final = _delay_bound("delay_max", "Most delay in minutes, inclusive.", 180)
COLUMNS: Final[Parameter[str | None]] = Parameter(
    name="columns",
    endpoints=(FLIGHTS,),
    type=one_of(FLIGHT_COLUMNS),
    description="Only these columns, in this order; repeated or separated by commas, each once. Without: all of them.",
    example=[FLIGHT_ID, "carrier", "status"],
    default=None,
    is_repeatable=True,
    is_comma_separated=True,
    is_unique=True,
)
NAMES: Final[Parameter[str]] = Parameter(
    name="names",
    endpoints=(STATS, FLIGHTS, FLIGHT, EVENTS),
    type=one_of(("true", "false")),
    description="With `true`, names and cities follow `carrier`, `origin`, `destination`, `diverted_to` and `route`, as"
    " in `carrier_name`, `origin_name` and `origin_city`; null where `/v1/carriers` or `/v1/airports` has none."
    " Needs such a column.",
    example="true",
    default="false",
)
MIN_EVENT_TIME: Final[Parameter[dt.datetime | None]] = Parameter(
    name="min_event_time",
    endpoints=(FLIGHT,),
    type=time(),
    description="Answer once the state is of this time or later; `+` of an offset is written `%2B` in a URL.",
    example="2013-01-01T10:00:00Z",
    default=None,
)
WAIT_S: Final[Parameter[float | None]] = Parameter(
    name="wait_s",
    endpoints=(FLIGHT,),
    type=seconds(WAIT_MOST_S),
    description="How long to wait for that `min_event_time`; without it the answer comes at once.",
    example=10,
    default=None,
)
SNAPSHOT: Final[Parameter[int | None]] = Parameter(
    name="snapshot",
    endpoints=(STATS, FLIGHTS, FLIGHT, EVENTS),
    type=integer(MAX_SNAPSHOT),
    description="Answer from the month files of this snapshot alone, without what has landed since. 404 when it is not"
    " there yet, 410 when it is not retained any more; the answer can be cached for ever, but for names.",
    example=1,
    default=None,
)


def _format(endpoints: tuple[str, ...], offered: tuple[Format, ...]) -> Parameter[str | None]:
    """Read where it is weighed against `Accept`: by `representation.negotiation.negotiate`."""
    names = tuple(one.name for one in offered)
    return Parameter(
        name="format",
        endpoints=endpoints,
        type=one_of(names),
        description="Format of the answer; decides over `Accept`.",
        example=names[-1],
        default=None,
    )


ESCAPE_FORMULAS: Final[Parameter[str]] = Parameter(
    name="escape_formulas",
    endpoints=(STATS, FLIGHTS, EVENTS, AIRPORTS, CARRIERS),
    type=one_of(("true", "false")),
    description="With `true`, CSV has an apostrophe before each text that begins with `=`, `+`, `-`, `@`, a tab or a"
    " line break: spreadsheets would take it for a formula. Numbers stay. Only with `format=csv`.",
    example="false",
    default="false",
)

PARAMETERS: Final[tuple[Parameter[Any], ...]] = (
    *(*FILTERS, DATE_FROM, DATE_TO),
    *(GROUP_BY, ORDER_BY, LEAST_FLIGHTS, ON_TIME, STATS_ROWS),
    *(DELAY, DELAY_MIN, DELAY_MAX, FLIGHTS_ORDER, COLUMNS, FLIGHTS_ROWS, CURSOR),
    NAMES,
    *(MIN_EVENT_TIME, WAIT_S),
    *(SNAPSHOT, _format((STATS, FLIGHTS, EVENTS, AIRPORTS, CARRIERS), TABLES), _format((FLIGHT, LAKE), DOCUMENTS)),
    ESCAPE_FORMULAS,
)
"""In the order of the documentation and of the error for an unknown parameter."""


def parameters_of(endpoint: str) -> tuple[Parameter[Any], ...]:
    """What the query string of this path takes."""
    return tuple(parameter for parameter in PARAMETERS if endpoint in parameter.endpoints)


def max_pairs(filter_max_values: int) -> int:
    """More than any right query string has: each parameter once, and each filter with as many values as it may have."""
    return len(PARAMETERS) + len(FILTERS) * filter_max_values
