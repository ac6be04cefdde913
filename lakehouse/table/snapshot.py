"""A snapshot: the numbered list of month files that make up the table, and its JSON form.

A month is one or more files, disjoint by flight date. Newest states that no answer shows (void ones, and those of the
reserved carrier) are in hidden files of the month, by the same rules: each flight is in one file of one side.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, FormatTooNewError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.table.parquet_files import FooterInfo, check_month_file

_ONE_FILE_A_MONTH = 1  # the format before months of several files, and hidden ones
_SHOWN = 200  # characters of why bytes are no snapshot: what they hold may be long


@dataclass(frozen=True)
class MonthFile:
    """One entry of a month: a StoredFile. `added_snapshot` is the number of the snapshot that introduced it."""

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

    def has_date(self, date: dt.date) -> bool:
        """Whether flights of that date, if there are any on its side, are in this file."""
        return self.min_flight_date <= date <= self.max_flight_date


@dataclass(frozen=True)
class Month:
    """The files of one month: those of the flights that answers show, and those of the others. Each by date."""

    shown: tuple[MonthFile, ...] = ()
    hidden: tuple[MonthFile, ...] = ()

    @property
    def files(self) -> tuple[MonthFile, ...]:
        return (*self.shown, *self.hidden)

    @property
    def added_snapshot(self) -> int:
        """The number of the snapshot that changed the month last; 0 when it has no file."""
        return max((entry.added_snapshot for entry in self.files), default=0)

    @property
    def rows(self) -> int:
        return sum(entry.rows for entry in self.files)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.files)


@dataclass(frozen=True)
class Snapshot:
    """The table at one commit. `months` maps `2013-01` to its files, `hidden` to those of rows that no answer shows.

    `absorbed` are landed files inside it.
    """

    number: int
    min_retained: int
    months: Mapping[str, tuple[MonthFile, ...]] = field(default_factory=dict)
    absorbed: frozenset[str] = frozenset()
    hidden: Mapping[str, tuple[MonthFile, ...]] = field(default_factory=dict)

    @cached_property
    def month_names(self) -> tuple[str, ...]:
        """The months that have files, in order."""
        return tuple(sorted(self.months.keys() | self.hidden.keys()))

    def month(self, month: str) -> Month:
        """All files of a month; none when it has none."""
        return Month(self.months.get(month, ()), self.hidden.get(month, ()))

    def added_snapshot(self, month: str) -> int:
        """The number of the snapshot that changed the month last, 0 when it has no file."""
        return self.month(month).added_snapshot

    def shown_files(self) -> tuple[MonthFile, ...]:
        """The files of all months, by date: the table as engines outside list it."""
        return tuple(entry for _, entries in sorted(self.months.items()) for entry in entries)

    def hidden_files(self) -> tuple[MonthFile, ...]:
        """The files of the rows that no answer shows, by date."""
        return tuple(entry for _, entries in sorted(self.hidden.items()) for entry in entries)

    def all_files(self) -> tuple[MonthFile, ...]:
        """All of both."""
        return (*self.shown_files(), *self.hidden_files())

    @cached_property
    def max_event_time(self) -> dt.datetime | None:
        """Of the newest event; None while there is none."""
        return max((entry.max_event_time for entry in self.all_files()), default=None)


EMPTY: Final = Snapshot(number=0, min_retained=0)
"""The table before the first commit."""

MAX_ABSORBED: Final = 500_000
"""Names in one snapshot: a hundred times as many files as a merge takes. Those beyond stay in the tail."""
MAX_BYTES: Final = 100_000_000
"""Of a snapshot's object, which is read whole: names take 45 MB, two files of each date from 1980 to 2100 40 MB."""


def check_size(name: str, size: int) -> None:
    """Before a snapshot is read. Raises ForeignSnapshotError when it is larger than one can be."""
    if size > MAX_BYTES:
        raise ForeignSnapshotError(name, f"it has {size} bytes; a snapshot has at most {MAX_BYTES}")


def to_json(snapshot: Snapshot) -> bytes:
    """The bytes of the snapshot's object; the same snapshot always gives the same bytes.

    Raises ValueError for one that no reader would take: files that are not disjoint by date.
    """
    document = {
        "format_version": FORMAT_VERSION,
        "number": snapshot.number,
        "oldest": snapshot.min_retained,
        "months": {month: _files_to_json(month, snapshot.months[month]) for month in sorted(snapshot.months)},
        "hidden": {month: _files_to_json(month, snapshot.hidden[month]) for month in sorted(snapshot.hidden)},
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
            months=_months_from_json(document["months"], version, is_hidden=False),
            absorbed=frozenset(map(str, document["absorbed"])),
            hidden=_months_from_json(document["hidden"], version, is_hidden=True)
            if version > _ONE_FILE_A_MONTH
            else {},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ForeignSnapshotError(name, f"its bytes are not one: {repr(error)[:_SHOWN]}") from error
    if object_names.snapshot(result.number) != name or not 0 <= result.min_retained <= result.number:
        raise ForeignSnapshotError(name, f"it says number {result.number}, oldest {result.min_retained}")
    return result


def disjoint_problem(month: str, entries: Collection[MonthFile]) -> str | None:
    """Why these are not the files of one side of a month, in order; None when they may be."""
    if not entries:
        return f"month {month} has an empty list of files"
    for before, after in pairwise(entries):
        if after.min_flight_date <= before.max_flight_date:
            return f"month {month} has {after.min_flight_date} in {before.name} and in {after.name}"
    return None


def _files_to_json(month: str, entries: Collection[MonthFile]) -> list[dict[str, Any]]:
    if (why := disjoint_problem(month, entries)) is not None:
        raise ValueError(why)
    return [_entry_to_json(entry) for entry in entries]


def _months_from_json(
    document: Mapping[str, Any], version: int, *, is_hidden: bool
) -> dict[str, tuple[MonthFile, ...]]:
    """The files of each month. In format 1 a month is one object, not a list."""
    found = {}
    for month, listed in document.items():
        entries = [listed] if version == _ONE_FILE_A_MONTH else listed
        if not isinstance(entries, list):
            raise ValueError(f"month {month} has no list of files")
        found[month] = tuple(_entry_from_json(month, entry, is_hidden) for entry in entries)
        if version > _ONE_FILE_A_MONTH and (why := disjoint_problem(month, found[month])) is not None:
            raise ValueError(why)
    return found


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


def _entry_from_json(month: str, entry: Mapping[str, Any], is_hidden: bool) -> MonthFile:
    parsed = object_names.parse_month_file(entry["path"])
    if parsed is None or (parsed.month, parsed.is_hidden) != (month, is_hidden):
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
