"""Requests as frozen values: filters, groups, order, limits. Knows nothing of HTTP."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from lakehouse.schema.event import FIELDS, FlightKey
from lakehouse.table.planner import ALL_DATES, Dates

GROUPS: Final = (
    *("carrier", "origin", "destination", "route", "status", "flight_number", "tail_number"),
    *("flight_date", "week", "month", "quarter", "year", "weekday", "hour"),
)
METRICS: Final = (
    *("flights", "departed", "arrived", "cancelled", "diverted"),
    *("cancellation_rate", "on_time_departure_rate", "on_time_arrival_rate"),
    *("departure_delay_mean", "departure_delay_p50", "departure_delay_p90"),
    *("departure_delay_p95", "departure_delay_max"),
    *("arrival_delay_mean", "arrival_delay_p50", "arrival_delay_p90", "arrival_delay_p95", "arrival_delay_max"),
)

STATS_LIMIT: Final = 1000
STATS_LIMIT_MOST: Final = 10_000
MIN_FLIGHTS: Final = 1
MIN_FLIGHTS_MOST: Final = 999_999_999
ON_TIME_MINUTES: Final = 15
"""A flight is on time below this delay, early ones too: as the US DOT counts."""
ON_TIME_MINUTES_MOST: Final = 1440
FLIGHTS_LIMIT: Final = 100
FLIGHTS_LIMIT_MOST: Final = 1000
WAIT_MOST_S: Final = 30
CURSOR_PATTERN: Final = "[A-Za-z0-9_-]{26,96}"

EVENTS_MOST: Final = 1000
FLIGHT_ID: Final = "flight_id"
FLIGHT_COLUMNS: Final = (FLIGHT_ID, *(field.name for field in FIELDS if field.in_api))
DELAYS: Final = ("departure", "arrival")
FLIGHT_ORDERS: Final = (FLIGHT_ID, *(f"{kind}_delay_minutes" for kind in DELAYS), "scheduled_departure")
"""What pages of flights may be ordered by; `flight_id` by the parts of the key."""


@dataclass(frozen=True)
class Filters:
    """Values of one field are alternatives (none: all); fields combine. Sorted and unique."""

    dates: Dates = ALL_DATES
    carrier: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()
    flight_number: tuple[int, ...] = ()
    tail_number: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    weekday: tuple[int, ...] = ()
    hour: tuple[int, ...] = ()


@dataclass(frozen=True)
class Order:
    """One result column to order by."""

    column: str
    descending: bool


BY_KEY: Final = Order(FLIGHT_ID, False)


@dataclass(frozen=True)
class DelayRange:
    """Flights with a known delay from `least` to `most` minutes, both inside; None is open."""

    column: str
    least: int | None
    most: int | None


@dataclass(frozen=True)
class RollupKey:
    """Identifies requests that differ in dates, order, limit and `min_flights` only. `group_by` is sorted.

    `on_time_minutes`: of final rows. Histograms have every delay; None lets all such requests share them.
    """

    filters: Filters
    group_by: tuple[str, ...]
    on_time_minutes: int | None

    @property
    def is_within_months(self) -> bool:
        """Whether no group has flights of two months: rollups are final rows."""
        return _is_within_months(self.group_by)

    @property
    def is_within_dates(self) -> bool:
        """Whether no group has flights of two dates, and so of two files of a month."""
        return "flight_date" in self.group_by


@dataclass(frozen=True)
class StatsRequest:
    """/v1/stats. An empty `order_by` orders by the groups. `snapshot` None: the current lake."""

    filters: Filters
    group_by: tuple[str, ...]
    order_by: tuple[Order, ...]
    limit: int
    snapshot: int | None = None
    min_flights: int = MIN_FLIGHTS
    """A group with fewer is left out, before order and limit. Any group has one."""
    on_time_minutes: int = ON_TIME_MINUTES
    """Below this delay a flight is on time."""
    names: bool = False
    """Whether names of carriers and airports come with their codes."""
    asks_void: ClassVar[bool] = False
    may_be_missing: ClassVar[bool] = False

    @property
    def rollup_key(self) -> RollupKey:
        """What the part of a whole month in the answer depends on."""
        on_time_minutes = self.on_time_minutes if _is_within_months(self.group_by) else None
        return RollupKey(replace(self.filters, dates=Dates()), tuple(sorted(self.group_by)), on_time_minutes)


@dataclass(frozen=True)
class FlightsRequest:
    """/v1/flights: flights that come after `after` in the order. By key, `filters` exclude dates of earlier pages."""

    filters: Filters
    limit: int
    after: FlightKey | None
    snapshot: int | None = None
    order: Order = BY_KEY
    """One of FLIGHT_ORDERS: nulls last both ways, ties by the key."""
    after_value: int | None = None
    """What `after` has in the column of the order, as a number."""
    delay: DelayRange | None = None
    columns: tuple[str, ...] = FLIGHT_COLUMNS
    names: bool = False
    asks_void: ClassVar[bool] = False
    may_be_missing: ClassVar[bool] = False


@dataclass(frozen=True)
class FlightRequest:
    """/v1/flights/{flight_id}: the state, once its event_time is at least `min_event_time`."""

    key: FlightKey
    min_event_time: dt.datetime | None
    wait_s: float
    snapshot: int | None = None
    names: bool = False

    @property
    def dates(self) -> Dates:
        """The flight date that the answer depends on."""
        return Dates(self.key.flight_date, self.key.flight_date)


@dataclass(frozen=True)
class FlightEventsRequest:
    """/v1/flights/{flight_id}/events: every event of the flight."""

    key: FlightKey
    snapshot: int | None = None
    names: bool = False
    asks_void: ClassVar[bool] = True
    may_be_missing: ClassVar[bool] = True

    @property
    def filters(self) -> Filters:
        """The flight date, whose files the answer depends on."""
        return Filters(Dates(self.key.flight_date, self.key.flight_date))


@dataclass(frozen=True)
class ReferenceRequest:
    """/v1/airports or /v1/carriers: a whole table that no event of the lake changes."""

    table: str


def _is_within_months(group_by: Iterable[str]) -> bool:
    return not {"flight_date", "month"}.isdisjoint(group_by)


def cursor_of(flight_id: str, order: Order = BY_KEY, value: int | None = None) -> str:
    """The cursor of the page after the flight, which has `value` in the column of the order; opaque to callers."""
    if order != BY_KEY:
        flight_id = f"{'-' if order.descending else ''}{order.column} {value} {flight_id}"
    return base64.urlsafe_b64encode(flight_id.encode()).decode().rstrip("=")
