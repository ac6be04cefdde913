"""Turns flights into the events that their publisher would have sent, in order.

Each event is one JSON object, the whole state of the flight as known at its event_time:

    scheduled   about a day before, with the timetable only
    departed    at the actual departure, with the departure delay
    arrived     at the actual arrival, with everything
    diverted    instead of arrived, when it should have landed; where it went is not known
    cancelled   instead of both, at the scheduled departure
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from time import gmtime, strftime

from local_cloud.flights.nycflights13 import ORIGIN_ZONE, Flight, offset_at, read_flights

# The kinds of event of one flight, in their order. The last is arrived, diverted or cancelled.
_SCHEDULED, _DEPARTED, _LAST = 0, 1, 2

_DAY_S = 24 * 3600
# An event in one integer: its time, its flight, its kind. Sorting the integers sorts the events, flights with the
# same time by their place in the file. 19 bits hold the 336,776 flights.
_FLIGHT_BITS, _KIND_BITS = 19, 2


def events(limit: int | None = None) -> Iterator[bytes]:
    """The events of the first `limit` flights of the file, as JSON without a line end, in order of event_time."""
    return events_of(read_flights(limit))


def count_events_of(flights: Sequence[Flight]) -> int:
    return sum(2 if flight.is_cancelled else 3 for flight in flights)


def events_of(flights: Sequence[Flight]) -> Iterator[bytes]:
    """Rendered one by one as they are asked for: all at once would be 0.4 GB."""
    for key in _order(flights):
        kind = key & ((1 << _KIND_BITS) - 1)
        index = (key >> _KIND_BITS) & ((1 << _FLIGHT_BITS) - 1)
        yield _render(flights[index], kind, key >> (_KIND_BITS + _FLIGHT_BITS))


def _order(flights: Sequence[Flight]) -> Sequence[int]:
    keys = array("q")
    for index, flight in enumerate(flights):
        scheduled_s = flight.scheduled_departure * 60
        # Timetables are not published all at once: spread over an hour, by a number without a common factor.
        times = {_SCHEDULED: scheduled_s - _DAY_S - index * 1009 % 3600, _LAST: _last_event_minute(flight) * 60}
        if flight.actual_departure is not None:
            times[_DEPARTED] = flight.actual_departure * 60
        keys.extend((event_s << _FLIGHT_BITS | index) << _KIND_BITS | kind for kind, event_s in times.items())
    return array("q", sorted(keys))


def _last_event_minute(flight: Flight) -> int:
    if flight.actual_arrival is not None:
        return flight.actual_arrival
    if flight.actual_departure is not None:
        return flight.actual_departure + flight.scheduled_arrival - flight.scheduled_departure
    return flight.scheduled_departure


def _render(flight: Flight, kind: int, event_s: int) -> bytes:
    """Builds JSON by concatenation: no value needs escaping, and json.dumps takes twice as long."""
    parts = [
        f'{{"flight_date":"{flight.flight_date}","carrier":"{flight.carrier}","flight_number":{flight.number},'
        f'"origin":"{flight.origin}","destination":"{flight.destination}",'
        f'"scheduled_departure":"{_origin_time(flight.scheduled_departure)}",'
        f'"scheduled_arrival":"{_time(flight.destination_zone, flight.scheduled_arrival)}",'
        f'"distance_km":{flight.distance_km}'
    ]
    if flight.tail_number is not None:
        parts.append(f',"tail_number":"{flight.tail_number}"')
    status = "scheduled"
    if kind != _SCHEDULED and flight.actual_departure is not None:
        status = "departed"
        parts.append(
            f',"actual_departure":"{_origin_time(flight.actual_departure)}"'
            f',"departure_delay_minutes":{flight.departure_delay}'
        )
    if kind == _LAST:
        status = "cancelled" if flight.is_cancelled else "diverted"
        if flight.actual_arrival is not None:
            status = "arrived"
            parts.append(
                f',"actual_arrival":"{_time(flight.destination_zone, flight.actual_arrival)}"'
                f',"arrival_delay_minutes":{flight.arrival_delay}'
            )
            if flight.air_time is not None:
                parts.append(f',"air_time_minutes":{flight.air_time}')
    zone = flight.destination_zone if status in ("arrived", "diverted") else ORIGIN_ZONE
    parts.append(f',"status":"{status}","event_time":"{_time(zone, event_s // 60, event_s % 60)}"}}')
    return "".join(parts).encode()


# RFC 3339 with the offset of the place. Many events share a minute, a day, an offset.


def _origin_time(minute: int) -> str:
    return _time(ORIGIN_ZONE, minute)


def _time(zone: str, minute: int, second: int = 0) -> str:
    offset = offset_at(zone, minute)
    day, minute_of_day = divmod(minute + offset, 24 * 60)
    return f"{_date(day)}T{minute_of_day // 60:02}:{minute_of_day % 60:02}:{second:02}{_offset(offset)}"


@cache
def _date(day: int) -> str:
    return strftime("%Y-%m-%d", gmtime(day * _DAY_S))


@cache
def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
