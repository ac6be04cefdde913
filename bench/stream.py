"""A live stream: many events a second, all of them about today's flights."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator

from local_cloud.flights import events_of
from local_cloud.timetable import read_flights

_SUFFIXES = string.ascii_uppercase
COPIES = 1 + len(_SUFFIXES)


def live_events(flights: int | None, count: int) -> list[bytes]:
    """The first `count` events, in the order of their time, of as many copies of the first `flights` real flights.

    A copy has another operational suffix. One copy alone, sent at thousands of events a second, would pass a day in
    half a second: no airport knows batches with flights of twenty dates.
    """
    return list(itertools.islice(_copied(flights), count))


def _copied(flights: int | None) -> Iterator[bytes]:
    for event in events_of(read_flights(flights)):
        yield event
        for suffix in _SUFFIXES:
            yield event[:-1] + b',"operational_suffix":"' + suffix.encode() + b'"}'
