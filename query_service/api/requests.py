"""What is asked: from the query string to frozen questions, or a problem that names the parameter."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from lakehouse.schema.event import (
    AIRPORT_PATTERN,
    CARRIER_PATTERN,
    MAX_FLIGHT_NUMBER,
    MAX_TAIL_NUMBER_CHARACTERS,
    STATUSES,
    FlightKey,
    parse_flight_id,
)
from query_service.api.query_string import Parameters
from query_service.errors import parameter_error

GROUPS: Final = ("carrier", "origin", "destination", "route", "status", "flight_date", "month", "weekday", "hour")
METRICS: Final = (
    *("flights", "departed", "arrived", "cancelled", "diverted"),
    *("cancellation_rate", "on_time_departure_rate", "on_time_arrival_rate"),
    *("departure_delay_mean", "departure_delay_p50", "departure_delay_p90"),
    *("departure_delay_p95", "departure_delay_max"),
    *("arrival_delay_mean", "arrival_delay_p50", "arrival_delay_p90", "arrival_delay_p95", "arrival_delay_max"),
)

STATS_LIMIT: Final = 1000
STATS_LIMIT_MOST: Final = 10_000
FLIGHTS_LIMIT: Final = 100
FLIGHTS_LIMIT_MOST: Final = 1000
WAIT_MOST_S: Final = 30
SNAPSHOT_MOST: Final = 999_999_999
"""One commit a second for thirty years."""

_FILTERS = (
    *("carrier", "origin", "destination", "flight_number", "tail_number", "status"),
    *("date_from", "date_to"),
)
STATS_PARAMETERS: Final = (*_FILTERS, "group_by", "order_by", "limit", "snapshot", "format")
FLIGHTS_PARAMETERS: Final = (*_FILTERS, "limit", "cursor", "snapshot", "format")
FLIGHT_PARAMETERS: Final = ("min_event_time", "wait_s", "snapshot", "format")

_CARRIER = re.compile(CARRIER_PATTERN, re.ASCII)
_AIRPORT = re.compile(AIRPORT_PATTERN, re.ASCII)
_AIRPORT_EXPECTED = "an airport of three or four capital letters or digits, like EWR"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_TAIL = re.compile(rf".{{1,{MAX_TAIL_NUMBER_CHARACTERS}}}", re.DOTALL)
_STATUS = re.compile("|".join(STATUSES), re.ASCII)


@dataclass(frozen=True)
class Dates:
    """Flight dates from `first` to `last`, both inside; None is open."""

    first: dt.date | None = None
    last: dt.date | None = None


@dataclass(frozen=True)
class Filters:
    """Values of one field are alternatives, none means all; fields combine. Values are sorted, each once."""

    dates: Dates = Dates()
    carrier: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()
    flight_number: tuple[int, ...] = ()
    tail_number: tuple[str, ...] = ()
    status: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """One result column to order by."""

    column: str
    descending: bool


@dataclass(frozen=True)
class RollupKey:
    """Questions that differ in dates, order and limit only. `group_by` is sorted."""

    filters: Filters
    group_by: tuple[str, ...]

    @property
    def is_within_months(self) -> bool:
        """Whether no group has flights of two months."""
        return not {"flight_date", "month"}.isdisjoint(self.group_by)


@dataclass(frozen=True)
class StatsRequest:
    """/v1/stats. `order_by` may be empty: then by the groups. `snapshot` is None for the lake as it is."""

    filters: Filters
    group_by: tuple[str, ...]
    order_by: tuple[Order, ...]
    limit: int
    snapshot: int | None = None

    @property
    def dates(self) -> Dates:
        """The flight dates that the answer depends on."""
        return self.filters.dates

    @property
    def shape(self) -> RollupKey:
        """What the part of a whole month in the answer depends on."""
        return RollupKey(replace(self.filters, dates=Dates()), tuple(sorted(self.group_by)))


@dataclass(frozen=True)
class FlightsRequest:
    """/v1/flights: flights whose key is above `after`."""

    filters: Filters
    limit: int
    after: FlightKey | None
    snapshot: int | None = None

    @property
    def dates(self) -> Dates:
        """The flight dates that the answer depends on: not those of earlier pages."""
        dates = self.filters.dates
        if self.after is not None and (dates.first is None or dates.first < self.after.flight_date):
            return Dates(self.after.flight_date, dates.last)
        return dates


@dataclass(frozen=True)
class FlightRequest:
    """/v1/flights/{flight_id}: the state, once its event_time is at least `min_event_time`."""

    key: FlightKey
    min_event_time: dt.datetime | None
    wait_s: float
    snapshot: int | None = None

    @property
    def dates(self) -> Dates:
        """The flight date that the answer depends on."""
        return Dates(self.key.flight_date, self.key.flight_date)


def stats_request(pairs: Sequence[tuple[str, str]], max_values: int) -> StatsRequest:
    """Reads the query string of /v1/stats, at most `max_values` of one filter. Raises ProblemError (422)."""
    given = Parameters(pairs, STATS_PARAMETERS, max_values)
    group_by = _names(given, "group_by", GROUPS)
    return StatsRequest(
        filters=_filters(given),
        group_by=group_by,
        order_by=_order_by(given, (*group_by, *METRICS)),
        limit=given.integer("limit", STATS_LIMIT, STATS_LIMIT_MOST),
        snapshot=_snapshot(given),
    )


def flights_request(pairs: Sequence[tuple[str, str]], max_values: int) -> FlightsRequest:
    """Reads the query string of /v1/flights, at most `max_values` of one filter. Raises ProblemError (422)."""
    given = Parameters(pairs, FLIGHTS_PARAMETERS, max_values)
    return FlightsRequest(
        filters=_filters(given),
        limit=given.integer("limit", FLIGHTS_LIMIT, FLIGHTS_LIMIT_MOST),
        after=_cursor(given),
        snapshot=_snapshot(given),
    )


def flight_request(flight_id: str, pairs: Sequence[tuple[str, str]]) -> FlightRequest:
    """Reads path and query string of /v1/flights/{flight_id}. Raises ProblemError (422)."""
    given = Parameters(pairs, FLIGHT_PARAMETERS)
    min_event_time, wait_s = given.time("min_event_time"), given.seconds("wait_s", WAIT_MOST_S)
    if wait_s is not None and min_event_time is None:
        raise parameter_error("wait_s", given.sent("wait_s"), "a min_event_time beside it, to wait for")
    snapshot = _snapshot(given)
    if snapshot is not None and min_event_time is not None:
        raise parameter_error("snapshot", str(snapshot), "no min_event_time beside it: a snapshot does not change")
    try:
        key = parse_flight_id(flight_id)
    except ValueError:
        expected = "date, carrier, number with its suffix, and origin, like 2013-01-01-UA-1545-EWR"
        raise parameter_error("flight_id", flight_id, expected) from None
    return FlightRequest(key, min_event_time, wait_s or 0.0, snapshot)


def cursor_of(flight_id: str) -> str:
    """The cursor that goes on after the flight; opaque to callers."""
    return base64.urlsafe_b64encode(flight_id.encode()).decode().rstrip("=")


def _filters(given: Parameters) -> Filters:
    first, last = given.date("date_from"), given.date("date_to")
    if first is not None and last is not None and first > last:
        raise parameter_error("date_from", first.isoformat(), f"a date not after date_to, which is {last}")
    numbers = _sorted(given, "flight_number", _NUMBER, f"an integer from 1 to {MAX_FLIGHT_NUMBER}")
    return Filters(
        dates=Dates(first, last),
        carrier=_sorted(given, "carrier", _CARRIER, "a carrier of two or three capital letters or digits, like UA"),
        origin=_sorted(given, "origin", _AIRPORT, _AIRPORT_EXPECTED),
        destination=_sorted(given, "destination", _AIRPORT, _AIRPORT_EXPECTED),
        flight_number=tuple(sorted(int(number) for number in numbers)),
        tail_number=_sorted(given, "tail_number", _TAIL, f"1 to {MAX_TAIL_NUMBER_CHARACTERS} characters"),
        status=_sorted(given, "status", _STATUS, f"one of {', '.join(STATUSES)}"),
    )


def _sorted(given: Parameters, name: str, pattern: re.Pattern[str], expected: str) -> tuple[str, ...]:
    """Alternatives in a normal form: their order makes no other question."""
    return tuple(sorted(given.texts(name, pattern, expected)))


def _snapshot(given: Parameters) -> int | None:
    return given.integer("snapshot", 0, SNAPSHOT_MOST) or None


def _names(given: Parameters, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    items = given.listed(name)
    for position, item in enumerate(items):
        if item not in allowed:
            raise parameter_error(name, item, f"one of {', '.join(allowed)}")
        if item in items[:position]:
            raise parameter_error(name, given.sent(name), f"each name once, and {item} is there twice")
    return tuple(items)


def _order_by(given: Parameters, columns: tuple[str, ...]) -> tuple[Order, ...]:
    given.text("order_by")  # one list, not several
    items = given.listed("order_by")
    orders = tuple(Order(item.removeprefix("-"), item.startswith("-")) for item in items)
    for position, order in enumerate(orders):
        if order.column not in columns:
            expected = f"columns of this result, with - in front for descending: {', '.join(columns)}"
            raise parameter_error("order_by", items[position], expected)
        if order.column in [earlier.column for earlier in orders[:position]]:
            expected = f"each column once, and {order.column} is there twice"
            raise parameter_error("order_by", given.sent("order_by"), expected)
    return orders


def _cursor(given: Parameters) -> FlightKey | None:
    cursor = given.text("cursor")
    if cursor is None:
        return None
    try:
        key = parse_flight_id(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii"))
        if cursor_of(key.flight_id) == cursor:
            return key
    except (ValueError, binascii.Error):
        pass  # not what next_cursor gives
    raise parameter_error("cursor", cursor, "the next_cursor of an earlier page, unchanged")
