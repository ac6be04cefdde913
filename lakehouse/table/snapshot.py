"""A snapshot: the numbered list of month files that make up the table, and its JSON form."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, FormatTooNewError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.table.parquet_files import FooterInfo, check_month_file

_SHOWN = 200  # characters of why bytes are no snapshot: what they hold may be long


@dataclass(frozen=True)
class MonthFile:
    """One month's entry: a StoredFile. `added_snapshot` is the number of the snapshot that introduced it."""

    name: str
    added_snapshot: int
    rows: int
    size: int
    crc32c: int
    min_flight_date: dt.date
    max_flight_date: dt.date
    max_event_time: dt.datetime
    format_version: int = FORMAT_VERSION

    def check_listed(self) -> None:
        """Its snapshot says how large it is, and compactors make as large ones as there are flights."""

    def check(self, path: Path) -> FooterInfo:
        """Looks at the footer of the local copy. Raises UnreadableError, FormatTooNewError."""
        expected = FooterInfo(self.rows, self.format_version)
        check_month_file(self.name, path, expected)
        return expected


@dataclass(frozen=True)
class Snapshot:
    """The table at one commit. `months` maps `2013-01` to its file; `absorbed` are landed files inside it."""

    number: int
    min_retained: int
    months: Mapping[str, MonthFile] = field(default_factory=dict)
    absorbed: frozenset[str] = frozenset()

    def added_snapshot(self, month: str) -> int:
        """The `added_snapshot` of the month's entry, 0 when it has none."""
        entry = self.months.get(month)
        return 0 if entry is None else entry.added_snapshot


EMPTY: Final = Snapshot(number=0, min_retained=0)
"""The table before the first commit."""

MAX_ABSORBED: Final = 500_000
"""Names in one snapshot: a hundred times as many files as a merge takes. Those beyond stay in the tail."""
MAX_BYTES: Final = 64_000_000
"""Of a snapshot's object, which is read whole: the names take 40 MB, a file a month from 1980 to 2100 takes 1 MB."""


def check_size(name: str, size: int) -> None:
    """Before a snapshot is read. Raises ForeignSnapshotError when it is larger than one can be."""
    if size > MAX_BYTES:
        raise ForeignSnapshotError(name, f"it has {size} bytes; a snapshot has at most {MAX_BYTES}")


def to_json(snapshot: Snapshot) -> bytes:
    """The bytes of the snapshot's object; the same snapshot always gives the same bytes."""
    document = {
        "format_version": FORMAT_VERSION,
        "number": snapshot.number,
        "oldest": snapshot.min_retained,
        "months": {month: _entry_to_json(snapshot.months[month]) for month in sorted(snapshot.months)},
        "absorbed": sorted(snapshot.absorbed),
    }
    return json.dumps(document, indent=1).encode()


def from_json(name: str, data: bytes) -> Snapshot:
    """The snapshot in the object `name`.

    Raises FormatTooNewError, or ForeignSnapshotError when the bytes are not a snapshot of that name.
    """
    try:
        document = json.loads(data)
        version = document["format_version"]
        if not isinstance(version, int):
            raise ValueError(f"format_version is {version!r}")
        if version > FORMAT_VERSION:
            raise FormatTooNewError(name, version, FORMAT_VERSION)
        result = Snapshot(
            number=int(document["number"]),
            min_retained=int(document["oldest"]),
            months={month: _entry_from_json(month, entry) for month, entry in document["months"].items()},
            absorbed=frozenset(map(str, document["absorbed"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ForeignSnapshotError(name, f"its bytes are not one: {repr(error)[:_SHOWN]}") from error
    if object_names.snapshot(result.number) != name or not 0 <= result.min_retained <= result.number:
        raise ForeignSnapshotError(name, f"it says number {result.number}, oldest {result.min_retained}")
    return result


def _entry_to_json(entry: MonthFile) -> dict[str, Any]:
    return {
        "path": entry.name,
        "since": entry.added_snapshot,
        "rows": entry.rows,
        "bytes": entry.size,
        "crc32c": entry.crc32c,
        "min_flight_date": entry.min_flight_date.isoformat(),
        "max_flight_date": entry.max_flight_date.isoformat(),
        "max_event_time": entry.max_event_time.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        **({} if entry.format_version == 1 else {"format_version": entry.format_version}),  # format 1 knew of no other
    }


def _entry_from_json(month: str, entry: Mapping[str, Any]) -> MonthFile:
    parsed = object_names.parse_month_file(entry["path"])
    if parsed is None or parsed.month != month:
        raise ValueError(f"month {month} has path {entry['path']!r}")
    version = entry.get("format_version", 1)
    if not isinstance(version, int) or version < 1:
        raise ValueError(f"month {month} has format_version {version!r}")
    if version > FORMAT_VERSION:
        raise FormatTooNewError(entry["path"], version, FORMAT_VERSION)
    max_event_time = dt.datetime.fromisoformat(entry["max_event_time"])
    if max_event_time.tzinfo is None:
        raise ValueError(f"month {month} has max_event_time {entry['max_event_time']!r}, without an offset")
    return MonthFile(
        name=entry["path"],
        added_snapshot=int(entry["since"]),
        rows=int(entry["rows"]),
        size=int(entry["bytes"]),
        crc32c=int(entry["crc32c"]),
        min_flight_date=dt.date.fromisoformat(entry["min_flight_date"]),
        max_flight_date=dt.date.fromisoformat(entry["max_flight_date"]),
        max_event_time=max_event_time,
        format_version=version,
    )
