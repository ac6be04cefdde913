"""Builds and reads every object name of the lake. Nothing else spells a path."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LANDING: Final = "landing/"
FLIGHTS: Final = "flights/"
SNAPSHOTS: Final = "snapshots/"
REJECTED: Final = "rejected/"
MANIFEST: Final = "flights.manifest"
ATTACHABLE: Final = "lake.duckdb"
DERIVED: Final = (MANIFEST, ATTACHABLE)
"""For readers outside; never read by us."""

MAX_SNAPSHOT: Final = 999_999_999
"""The highest number that a snapshot may have: one commit a second for thirty years."""

_ID = r"[0-9a-f]{32}"
_DATE = r"\d{4}-\d{2}-\d{2}"
_LANDED = re.compile(rf"landing/flight_date=({_DATE})/{_ID}\.parquet", re.ASCII)
_REJECTED = re.compile(rf"rejected/date=({_DATE})/{_ID}\.parquet", re.ASCII)
_MONTH = re.compile(
    rf"flights/flight_month=((?!0000)\d{{4}}-(?:0[1-9]|1[0-2]))/(0|[1-9]\d{{0,19}})-{_ID}\.parquet", re.ASCII
)
_SNAPSHOT = re.compile(r"snapshots/(\d{20})\.json", re.ASCII)

RandomId = Callable[[], str]
"""Gives 128 random bits as 32 lower-case hexadecimal digits, never the same twice."""


@dataclass(frozen=True)
class MonthFileName:
    """The parts of a month file's name: the month and the `added_snapshot` it was built from."""

    month: str
    added_snapshot: int


def landed_file(flight_date: dt.date, unique: str) -> str:
    return f"{LANDING}flight_date={flight_date.isoformat()}/{unique}.parquet"


def rejected_file(date: dt.date, unique: str) -> str:
    return f"{REJECTED}date={date.isoformat()}/{unique}.parquet"


def month_file(month: str, added_snapshot: int, unique: str) -> str:
    return f"{FLIGHTS}flight_month={month}/{added_snapshot}-{unique}.parquet"


def snapshot(number: int) -> str:
    return f"{SNAPSHOTS}{number:020d}.json"


def month_of(date: dt.date) -> str:
    """`2013-01` for any day of January 2013."""
    return f"{date.year:04d}-{date.month:02d}"


def parse_landed_file(name: str) -> dt.date | None:
    """The flight date in the name of a landed file; None when it is not a name of ours."""
    return _parse_date(_LANDED, name)


def parse_rejected_file(name: str) -> dt.date | None:
    """The date in the name of a rejected file; None when it is not a name of ours."""
    return _parse_date(_REJECTED, name)


def parse_month_file(name: str) -> MonthFileName | None:
    """The month and `added_snapshot` of a month file; None when it is not a name of ours."""
    match = _MONTH.fullmatch(name)
    return None if match is None else MonthFileName(match[1], int(match[2]))


def parse_snapshot(name: str) -> int | None:
    """The number of a snapshot; None when it is not a name of ours."""
    match = _SNAPSHOT.fullmatch(name)
    return None if match is None or int(match[1]) == 0 else int(match[1])


def has_room_above(number: int) -> bool:
    """Whether another snapshot may follow the one of this number."""
    return number < MAX_SNAPSHOT


def is_ours(name: str) -> bool:
    """Whether the layout knows such a name; other objects are ignored and counted."""
    parsers = (parse_landed_file, parse_month_file, parse_snapshot, parse_rejected_file)
    return name in DERIVED or any(parse(name) is not None for parse in parsers)


def _parse_date(pattern: re.Pattern[str], name: str) -> dt.date | None:
    match = pattern.fullmatch(name)
    if match is None:
        return None
    try:
        return dt.date.fromisoformat(match[1])
    except ValueError:
        return None
