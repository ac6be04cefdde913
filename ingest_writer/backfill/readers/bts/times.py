"""Moments from local clocks: by elapsed minutes, and no clock of the row may contradict them.

The file has clocks without dates and zones. One clock is dated: the scheduled departure's. All other
moments follow from it by minutes (delays, elapsed times), so that midnights, time changes and the date
line need no guess; where the minutes are missing, by the next moment at which the clock shows the time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ingest_writer.backfill.readers.bts import columns

_DAY: Final = 24 * 60
_EARLIEST_DEPARTURE: Final = -3 * 60
"""A departure clock without a delay is read as the one from 3 h before the schedule to 21 h after it."""


class ContradictionError(Exception):
    """Two columns of the row cannot both be right: the first is not what follows from the others."""

    def __init__(self, column: str, follows: str, by: tuple[str, str]) -> None:
        super().__init__(column, follows, by)
        self.column = column
        self.follows = follows
        self.by = by


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the row says of its times: clocks as minutes since midnight, the rest minutes. None is unknown."""

    date: dt.date
    crs_departure: int
    departure: int | None = None
    departure_delay: int | None = None
    crs_arrival: int | None = None
    arrival: int | None = None
    arrival_delay: int | None = None
    crs_elapsed: int | None = None
    elapsed: int | None = None
    elapsed_column: str = columns.ELAPSED
    delay_column: str = columns.ARRIVAL_DELAY


@dataclass(frozen=True, slots=True)
class Moments:
    """The same as moments. The scheduled departure is at the origin's offset, the others are in UTC."""

    scheduled_departure: dt.datetime
    scheduled_arrival: dt.datetime | None
    actual_departure: dt.datetime | None
    actual_arrival: dt.datetime | None


def moments(clocks: Clocks, origin: ZoneInfo, destination: ZoneInfo) -> Moments:
    """Raises ContradictionError.

    A clock time that a time change repeats or leaves out has two readings. The first that no other column
    contradicts counts; if both do, the one by the offset before the change.
    """
    contradiction: ContradictionError | None = None
    for departure in _readings(_wall(clocks.date, clocks.crs_departure), origin):
        try:
            return _moments(departure, clocks, origin, destination)
        except ContradictionError as error:
            contradiction = contradiction or error
    assert contradiction is not None
    raise contradiction


def _moments(departure: dt.datetime, clocks: Clocks, origin: ZoneInfo, destination: ZoneInfo) -> Moments:
    scheduled = departure.astimezone(dt.UTC)
    scheduled_arrival = _scheduled_arrival(scheduled, clocks, destination)
    actual = _actual_departure(scheduled, clocks, origin)
    arrival = _actual_arrival(actual, scheduled_arrival, clocks, destination)
    return Moments(departure, scheduled_arrival, actual, arrival)


def _scheduled_arrival(scheduled: dt.datetime, clocks: Clocks, zone: ZoneInfo) -> dt.datetime | None:
    if clocks.crs_elapsed is not None:
        arrival = scheduled + dt.timedelta(minutes=clocks.crs_elapsed)
        by = (columns.CRS_DEPARTURE, columns.CRS_ELAPSED)
        _check_clock(columns.CRS_ARRIVAL, clocks.crs_arrival, arrival, zone, by)
        return arrival
    return None if clocks.crs_arrival is None else _next(scheduled, clocks.crs_arrival, zone)


def _actual_departure(scheduled: dt.datetime, clocks: Clocks, zone: ZoneInfo) -> dt.datetime | None:
    if clocks.departure_delay is not None:
        departure = scheduled + dt.timedelta(minutes=clocks.departure_delay)
        by = (columns.CRS_DEPARTURE, columns.DEPARTURE_DELAY)
        _check_clock(columns.DEPARTURE, clocks.departure, departure, zone, by)
        return departure
    if clocks.departure is None:
        return None
    return _next(scheduled + dt.timedelta(minutes=_EARLIEST_DEPARTURE), clocks.departure, zone)


def _actual_arrival(
    departure: dt.datetime | None, scheduled: dt.datetime | None, clocks: Clocks, zone: ZoneInfo
) -> dt.datetime | None:
    by_delay = None
    if scheduled is not None and clocks.arrival_delay is not None:
        by_delay = scheduled + dt.timedelta(minutes=clocks.arrival_delay)
        _check_clock(columns.ARRIVAL, clocks.arrival, by_delay, zone, (columns.CRS_ARRIVAL, clocks.delay_column))
    if departure is None or clocks.elapsed is None:
        if by_delay is None and departure is not None and clocks.arrival is not None:
            return _next(departure, clocks.arrival, zone)
        return by_delay
    arrival = departure + dt.timedelta(minutes=clocks.elapsed)
    by = (columns.DEPARTURE, clocks.elapsed_column)
    _check_clock(columns.ARRIVAL, clocks.arrival, arrival, zone, by)
    if scheduled is not None and by_delay is not None and by_delay != arrival:
        follows = str((arrival - scheduled) // dt.timedelta(minutes=1))
        raise ContradictionError(clocks.delay_column, follows, by)
    return arrival


def _check_clock(column: str, clock: int | None, moment: dt.datetime, zone: ZoneInfo, by: tuple[str, str]) -> None:
    if clock is None:
        return
    local = moment.astimezone(zone)
    off = (clock - local.hour * 60 - local.minute + _DAY // 2) % _DAY - _DAY // 2
    if off == 0:
        return
    shown = local.replace(tzinfo=None) + dt.timedelta(minutes=off)
    if all(reading.astimezone(dt.UTC) != moment for reading in _readings(shown, zone)):  # else nobody had set the clock
        raise ContradictionError(column, f"{local:%H%M}", by)


def _next(after: dt.datetime, clock: int, zone: ZoneInfo) -> dt.datetime:
    """The first moment after that one at which the clock shows the time."""
    day = after.astimezone(zone).date()
    found = (
        reading.astimezone(dt.UTC)
        for days in range(3)
        for reading in _readings(_wall(day + dt.timedelta(days=days), clock % _DAY), zone)
    )
    return min(moment for moment in found if moment > after)


def _wall(day: dt.date, minutes: int) -> dt.datetime:
    """What calendar and clock show; 2400 is midnight at the end of the day."""
    return dt.datetime(day.year, day.month, day.day) + dt.timedelta(minutes=minutes)  # noqa: DTZ001


def _readings(wall: dt.datetime, zone: ZoneInfo) -> Iterator[dt.datetime]:
    """The moments that it can mean: two around a time change, the one by the offset before the change first."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    yield first
    if first.utcoffset() != second.utcoffset():
        yield second
