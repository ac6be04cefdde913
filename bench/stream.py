"""A live stream of many events a second, all about today's flights."""

from __future__ import annotations

import datetime as dt
import string
from collections.abc import Iterator
from functools import cache
from heapq import merge
from itertools import islice

from local_cloud.flights.events import count_events_of, events_of
from local_cloud.flights.nycflights13 import Flight, read_flights

_SUFFIXES = ("", *string.ascii_uppercase)
DAYS_AT_ONCE = len(_SUFFIXES)

_EVENT_TIME = b'"event_time":"'
_STEADY = 8  # after an eighth of all, events of all kinds come in turn: timetables are published a day ahead


def live_events(flights: int | None, count: int) -> list[bytes]:
    """`count` events of the first `flights` real flights, in the order of their time, from the second day on.

    Each of 27 days running is the same day, with an operational suffix of its own. As they are, sent at thousands of
    events a second, they would pass a day in half a second: no airport knows batches with flights of twenty dates.
    """
    known = read_flights(flights)
    first = _date(known[0].flight_date)
    days: list[list[Flight]] = [[] for _ in _SUFFIXES]
    for flight in known:
        day = (_date(flight.flight_date) - first).days
        days[day % DAYS_AT_ONCE].append(_earlier(flight, day - day // DAYS_AT_ONCE))
    streams = [_suffixed(flights_of_day, suffix) for flights_of_day, suffix in zip(days, _SUFFIXES, strict=True)]
    begin = count_events_of(known) // _STEADY
    return list(islice(merge(*streams, key=_seconds), begin, begin + count))


@cache
def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _earlier(flight: Flight, days: int) -> Flight:
    minutes = days * 24 * 60
    return flight._replace(
        flight_date=(_date(flight.flight_date) - dt.timedelta(days)).isoformat(),
        scheduled_departure=flight.scheduled_departure - minutes,
        scheduled_arrival=flight.scheduled_arrival - minutes,
    )


def _suffixed(flights: list[Flight], suffix: str) -> Iterator[bytes]:
    for event in events_of(flights):
        yield event[:-1] + b',"operational_suffix":"' + suffix.encode() + b'"}'


def _seconds(event: bytes) -> float:
    begin = event.rindex(_EVENT_TIME) + len(_EVENT_TIME)
    return dt.datetime.fromisoformat(event[begin : event.index(b'"', begin)].decode()).timestamp()
