"""Random rows and files of the US DOT's shape: real clocks around the world, then anything made odd."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingest_writer.backfill.readers.bts.airports import zone_of
from local_cloud.flights.on_time_file import header, line_of

_AIRPORTS = ("JFK", "ORD", "DEN", "PHX", "LAX", "ANC", "HNL", "GUM", "SJU", "LHR", "LDH", "SYD", "APW", "PPG", "CCS")
"""Among them Lord Howe (half an hour of daylight saving), Samoa (which left out 2011-12-30), Caracas (half hours)."""
DAYS = (
    *("2013-03-09", "2013-03-10", "2013-03-11", "2013-11-02", "2013-11-03", "2013-11-04", "2013-07-01", "2013-12-31"),
    *("2013-03-30", "2013-03-31", "2013-10-26", "2013-10-27", "2013-10-05", "2013-10-06", "2013-04-06", "2013-04-07"),
    *("2011-12-29", "2011-12-30", "2011-12-31", "2007-12-08", "2007-12-09", "2016-05-01", "1987-04-04", "2000-02-29"),
)
"""Most of them at a time change of one of the zones."""
_CLOCKS = ("2400", "0000", "0", "2401", "2360", "-005", "517", "517.0", "05:17", "0159", "0230", "0130", "99999", "abc")
_MINUTES = (
    "-5.00",
    "0.00",
    "1440.00",
    "-1441",
    "10081.00",
    "999999",
    "-0",
    "2.50",
    "5.",
    "+5",
    "5e1",
    "-180.00",
    "4321",
)
_ELAPSED = ("0.00", "-1.00", "1.00", "1441.00", "9999", "60.5", "3000.00")
_FLAGS = ("1.00", "0.00", "1", "2.00", "0.5", "-1", "yes")
_CODES = ("QQQ", "ZZZ", "JFK1", "jfk", "", "HNL", "SYD", "'", "a\tb", "Ünx", "not an airport", "LDH")
_VALUES = {
    "FlightDate": ("20130701", "7/1/2013 12:00:00 AM", "1979-12-31", "2101-01-01", "2013-02-30", "2013-7-1", "x"),
    "Reporting_Airline": ("PA (1)", "ua", "U", "UALX", "", "9E", "ZZ"),
    "IATA_CODE_Reporting_Airline": ("", "OO", "??"),
    "Flight_Number_Reporting_Airline": ("0", "0015", "-5", "10000", "12.0", "15A", "1000000"),
    "Tail_Number": ("UNKNOW", "NKNO", "", "000000", "N-1", "N1234567890", "\xe6NKNO\xe6", "n1", "\x00", "a b"),
    **dict.fromkeys(("Origin", "Dest", "Div1Airport", "Div2Airport"), _CODES),
    **dict.fromkeys(("CRSDepTime", "DepTime", "CRSArrTime", "ArrTime"), _CLOCKS),
    **dict.fromkeys(("DepDelay", "ArrDelay", "DivArrDelay", "AirTime"), _MINUTES),
    **dict.fromkeys(("CRSElapsedTime", "ActualElapsedTime", "DivActualElapsedTime"), _ELAPSED),
    **dict.fromkeys(("Cancelled", "Diverted", "DivReachedDest"), _FLAGS),
    "Distance": ("0.5", "1e3", "-3", "99999.00", "999999", "7."),
    "OriginCityName": ("New York, NY", "Z\xfcrich", 'a "b"', "", "Coeur d'Alene, ID"),
    "Flights": ("", "two"),
}
_BLANKS = ("", " ", "NA", "nan", "NULL", "\xa0")
_LINES = ("", "\n", ",\n", '"open,\n', 'a"b,\n', "x" * 300 + "\n", "\r", "2013,\x00\n")

Row = dict[str, str]


def consistent_row(chance: random.Random, days: Sequence[str] = DAYS) -> Row:
    """A flight between random zones on one of the days, whose clocks and minutes agree."""
    origin, destination = chance.choice(_AIRPORTS), chance.choice(_AIRPORTS)
    zones = [zone for code in (origin, destination) if (zone := zone_of(code)) is not None]
    day = dt.datetime.fromisoformat(chance.choice(days))
    departure = (day + dt.timedelta(minutes=chance.randrange(1440))).replace(tzinfo=zones[0], fold=chance.randrange(2))
    scheduled = departure.astimezone(dt.UTC)
    late, planned, took = chance.randrange(-30, 300), chance.randrange(20, 1000), chance.randrange(20, 1000)
    row = {
        **{"FlightDate": f"{day:%Y-%m-%d}", "Reporting_Airline": "UA", "IATA_CODE_Reporting_Airline": "UA"},
        **{"Flight_Number_Reporting_Airline": str(chance.randrange(1, 400)), "Origin": origin, "Dest": destination},
        **{"Tail_Number": "N37408", "Cancelled": "0.00", "Diverted": "0.00", "OriginCityName": "New York, NY"},
        **{"CRSDepTime": f"{departure:%H%M}", "DepTime": _clock(scheduled, late, zones[0]), "DepDelay": f"{late}.00"},
        **{"CRSElapsedTime": f"{planned}.00", "CRSArrTime": _clock(scheduled, planned, zones[1])},
        **{"ActualElapsedTime": f"{took}.00", "ArrTime": _clock(scheduled, late + took, zones[1])},
        **{"ArrDelay": f"{late + took - planned}.00", "AirTime": f"{took}.00", "Distance": "1400.00"},
    }
    return chance.choice((row, row, row, _cancelled(row), _diverted(row, chance)))


def _clock(moment: dt.datetime, minutes: int, zone: ZoneInfo) -> str:
    return f"{(moment + dt.timedelta(minutes=minutes)).astimezone(zone):%H%M}"


def _cancelled(row: Row) -> Row:
    blank = dict.fromkeys(("DepTime", "DepDelay", "ArrTime", "ArrDelay", "ActualElapsedTime", "AirTime"), "")
    return {**row, **blank, "Cancelled": "1.00"}


def _diverted(row: Row, chance: random.Random) -> Row:
    has_reached = chance.random() < 0.5
    known = {"DivActualElapsedTime": row["ActualElapsedTime"], "DivArrDelay": row["ArrDelay"]} if has_reached else {}
    gone = dict.fromkeys(("ActualElapsedTime", "ArrDelay", "AirTime"), "")
    return {
        **row,
        **gone,
        **known,
        "Diverted": "1.00",
        "DivReachedDest": f"{int(has_reached)}.00",
        "Div1Airport": "ANC",
    }


def mutated_row(row: Row, chance: random.Random) -> Row:
    """The row with one to three of its cells made odd or blank."""
    changed = dict(row)
    for column in chance.choices(list(_VALUES), k=chance.choice((1, 1, 2, 3))):
        value = chance.choice((*_VALUES[column], *_BLANKS, changed.get(column, "")))
        changed[column] = chance.choice((value, value, f" {value} "))
    return changed


def odd_file(rows: Sequence[Row], chance: random.Random, odd_lines: int) -> bytes:
    """The rows as a file of the DOT, with some lines that are no rows, or end early, or otherwise."""
    lines = [header(), *(line_of({name: cell.replace('"', '""') for name, cell in row.items()}) for row in rows)]
    for _ in range(odd_lines):
        at = chance.randrange(1, len(lines))
        line = lines[at]
        cut = chance.randrange(len(line))
        odd = (line + "\n", line.replace("\n", "\r\n"), line.rstrip("\n") + "x,\n", line[:cut] + "\n")
        lines[at] = chance.choice((*odd, line[:cut] + '"' + line[cut:], line + chance.choice(_LINES)))
    if chance.random() < 0.5:
        lines[-1] = lines[-1].rstrip("\n")
    return "".join(lines).encode("iso8859-1", errors="replace")
