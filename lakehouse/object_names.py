"""Builds and reads every object name of the lake. Nothing else spells a path."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LANDING: Final = "landing/"
FLIGHTS: Final = "flights/"
HIDDEN: Final = "hidden/"
"""Month files of the rows that no answer shows."""
SNAPSHOTS: Final = "snapshots/"
REJECTED: Final = "rejected/"
DELTA_LOG: Final = f"{FLIGHTS}_delta_log/"
DELTA_HINT: Final = f"{DELTA_LOG}_last_checkpoint"
ICEBERG: Final = "iceberg/"
ICEBERG_METADATA: Final = f"{ICEBERG}metadata/"
ICEBERG_HINT: Final = f"{ICEBERG_METADATA}version-hint.text"
DERIVED: Final = (DELTA_LOG, ICEBERG)
"""The tables for other engines: made from the snapshots; the API never reads them."""

MAX_SNAPSHOT: Final = 999_999_999
"""The highest number that a snapshot may have: one commit a second for thirty years."""

_ID = r"[0-9a-f]{32}"
_DATE = r"\d{4}-\d{2}-\d{2}"
_LANDED = re.compile(rf"landing/flight_date=({_DATE})/{_ID}\.parquet", re.ASCII)
_REJECTED = re.compile(rf"rejected/date=({_DATE})/{_ID}\.parquet", re.ASCII)
_MONTH = re.compile(
    rf"(flights|hidden)/flight_month=((?!0000)\d{{4}}-(?:0[1-9]|1[0-2]))/(0|[1-9]\d{{0,19}})-{_ID}\.parquet", re.ASCII
)
_SNAPSHOT = re.compile(r"snapshots/(\d{20})\.json", re.ASCII)
_DELTA_COMMIT = re.compile(r"flights/_delta_log/(\d{20})\.json", re.ASCII)
_DELTA_CHECKPOINT = re.compile(r"flights/_delta_log/(\d{20})\.checkpoint\.parquet", re.ASCII)
_NUMBER = r"(0|[1-9]\d{0,19})"
_ICEBERG_TABLE = re.compile(rf"iceberg/metadata/v{_NUMBER}\.metadata\.json", re.ASCII)
_ICEBERG_OTHER = re.compile(rf"iceberg/metadata/(?:snap-{_NUMBER}|{_NUMBER}-m0)\.avro", re.ASCII)

RandomId = Callable[[], str]
"""Gives 128 random bits as 32 lower-case hexadecimal digits, never the same twice."""


@dataclass(frozen=True)
class MonthFileName:
    """The parts of a month file's name: the month, the `added_snapshot` it was built from, and which rows it has."""

    month: str
    added_snapshot: int
    is_hidden: bool = False


def landed_file(flight_date: dt.date, unique: str) -> str:
    return f"{LANDING}flight_date={flight_date.isoformat()}/{unique}.parquet"


def rejected_file(date: dt.date, unique: str) -> str:
    return f"{REJECTED}date={date.isoformat()}/{unique}.parquet"


def month_file(month: str, added_snapshot: int, unique: str, *, is_hidden: bool = False) -> str:
    return f"{HIDDEN if is_hidden else FLIGHTS}flight_month={month}/{added_snapshot}-{unique}.parquet"


def snapshot(number: int) -> str:
    return f"{SNAPSHOTS}{number:020d}.json"


def delta_commit(version: int) -> str:
    return f"{DELTA_LOG}{version:020d}.json"


def delta_checkpoint(version: int) -> str:
    return f"{DELTA_LOG}{version:020d}.checkpoint.parquet"


def iceberg_table(number: int) -> str:
    """The metadata of the Iceberg table at a snapshot."""
    return f"{ICEBERG_METADATA}v{number}.metadata.json"


def iceberg_manifest_list(number: int) -> str:
    return f"{ICEBERG_METADATA}snap-{number}.avro"


def iceberg_manifest(number: int) -> str:
    return f"{ICEBERG_METADATA}{number}-m0.avro"


def month_of(date: dt.date) -> str:
    """`2013-01` for any day of January 2013."""
    return f"{date.year:04d}-{date.month:02d}"


def parse_landed_file(name: str) -> dt.date | None:
    """The flight date in the name of a landed file; None when the lake has no such names."""
    return _parse_date(_LANDED, name)


def parse_rejected_file(name: str) -> dt.date | None:
    """The date in the name of a rejected file; None when the lake has no such names."""
    return _parse_date(_REJECTED, name)


def parse_month_file(name: str) -> MonthFileName | None:
    """The parts of a month file's name; None when the lake has no such names."""
    match = _MONTH.fullmatch(name)
    return None if match is None else MonthFileName(match[2], int(match[3]), f"{match[1]}/" == HIDDEN)


def is_hidden(name: str) -> bool:
    """Whether a month file of that name has rows that no answer shows."""
    return name.startswith(HIDDEN)


def parse_snapshot(name: str) -> int | None:
    """The number of a snapshot; None when the lake has no such names."""
    match = _SNAPSHOT.fullmatch(name)
    return None if match is None or int(match[1]) == 0 else int(match[1])


def parse_delta_commit(name: str) -> int | None:
    """The version that a commit of the Delta table makes; None when the lake has no such names."""
    match = _DELTA_COMMIT.fullmatch(name)
    return None if match is None else int(match[1])


def parse_delta_checkpoint(name: str) -> int | None:
    """The version of a checkpoint of the Delta table; None when the lake has no such names."""
    match = _DELTA_CHECKPOINT.fullmatch(name)
    return None if match is None else int(match[1])


def parse_iceberg_table(name: str) -> int | None:
    """The snapshot of an Iceberg table's metadata; None when the lake has no such names."""
    match = _ICEBERG_TABLE.fullmatch(name)
    return None if match is None else int(match[1])


def parse_iceberg(name: str) -> int | None:
    """The snapshot that an object of the Iceberg table belongs to; None when the lake has no such names."""
    match = _ICEBERG_TABLE.fullmatch(name) or _ICEBERG_OTHER.fullmatch(name)
    return None if match is None else int(next(group for group in match.groups() if group is not None))


def has_room_above(number: int) -> bool:
    """Whether another snapshot may follow the one of this number."""
    return number < MAX_SNAPSHOT


def is_ours(name: str) -> bool:
    """Whether the layout knows such a name; other objects are ignored and counted."""
    parsers = (parse_landed_file, parse_month_file, parse_snapshot, parse_rejected_file)
    derived = (parse_delta_commit, parse_delta_checkpoint, parse_iceberg)
    return name in (DELTA_HINT, ICEBERG_HINT) or any(parse(name) is not None for parse in (*parsers, *derived))


def _parse_date(pattern: re.Pattern[str], name: str) -> dt.date | None:
    match = pattern.fullmatch(name)
    if match is None:
        return None
    try:
        return dt.date.fromisoformat(match[1])
    except ValueError:
        return None
