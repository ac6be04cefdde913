"""Makes a plan from listings: one snapshot and its tail, which together hold every acked event.

It lists all of `landing/` first, then takes the highest snapshot name of a second listing. A landed
file missing from the first listing was deleted, so an earlier snapshot has absorbed it, and the
latest snapshot contains it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, ObjectMissingError, SnapshotHistoryLostError, StoreUnavailableError
from lakehouse.schema.timestamps import rfc3339
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.lineage import commit_problem, descent_problem
from lakehouse.table.listed_snapshots import Listed, by_number, gap_problem, oldest_original, read_listed
from lakehouse.table.parquet_files import FooterInfo, check_landed_file
from lakehouse.table.parquet_limits import check_landed_size
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot
from lakehouse.table.stored_file import StoredFile

Now = Callable[[], dt.datetime]
"""Wall clock, aware, UTC."""

_FIND_ATTEMPTS = 5  # a snapshot that expires before it is read, five times in a row, is no race


def utc_now() -> dt.datetime:
    """Wall clock."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Dates:
    """Flight dates from `first` to `last`, both inside; None is open."""

    first: dt.date | None = None
    last: dt.date | None = None

    def since(self, date: dt.date) -> Dates:
        """Those of them that are not before `date`."""
        return Dates(date if self.first is None else max(self.first, date), self.last)

    def until(self, date: dt.date) -> Dates:
        """Those of them that are not after `date`."""
        return Dates(self.first, date if self.last is None else min(self.last, date))


ALL_DATES: Final = Dates()


@dataclass(frozen=True)
class LandedFile:
    """The events of one flight date in one batch, as listed: a StoredFile."""

    info: ObjectInfo
    flight_date: dt.date

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def size(self) -> int:
        return self.info.size

    @property
    def crc32c(self) -> int:
        return self.info.crc32c

    def check_listed(self) -> None:
        """Raises UnreadableError when it is larger than what a writer lands."""
        check_landed_size(self.name, self.size)

    def check(self, path: Path) -> FooterInfo:
        """Reads the local copy. Raises UnreadableError, FormatTooNewError."""
        return check_landed_file(self.name, path, self.flight_date)


@dataclass(frozen=True)
class Landing:
    """A whole listing of `landing/`, and the number of unrecognized names in it."""

    files: tuple[LandedFile, ...]
    unrecognized: int


_Ranges = list[tuple[dt.date, dt.date, MonthFile]]
"""Ranges of dates and their files, by date: looked through for every question."""


@dataclass(frozen=True)
class Plan:
    """The snapshot and tail that an answer is computed from. `listed_at`: when listing began."""

    snapshot: Snapshot
    landing: Landing
    listed_at: dt.datetime
    snapshot_created: dt.datetime | None = None
    """By the store's clock; None before the first commit."""

    @cached_property
    def as_of(self) -> str:
        """`listed_at` as text (RFC 3339): the same for every answer from this plan."""
        return rfc3339(self.listed_at)

    @cached_property
    def tail(self) -> tuple[LandedFile, ...]:
        """Landed files that the snapshot has not absorbed."""
        return tuple(file for file in self.landing.files if file.name not in self.snapshot.absorbed)

    @cached_property
    def _shown(self) -> _Ranges:
        return _ranges(self.snapshot.shown_files())

    @cached_property
    def _hidden(self) -> _Ranges:
        return _ranges(self.snapshot.hidden_files())

    def names_file(self, name: str) -> bool:
        """Whether an answer from this plan could need the object `name`."""
        in_months = any(entry.name == name for entry in self.snapshot.all_files())
        return in_months or any(file.name == name for file in self.tail)

    def months_between(self, first: dt.date | None, last: dt.date | None) -> tuple[MonthFile, ...]:
        """Month files that may have flights of a date in the range (inclusive, None is open), by date.

        Hidden ones are not among them: no row of theirs is in an answer.
        """
        return _between(self._shown, first, last)

    def hidden_between(self, first: dt.date | None, last: dt.date | None) -> tuple[MonthFile, ...]:
        """The month files of hidden rows: for questions about the reserved carrier, or about one flight."""
        return _between(self._hidden, first, last)

    def hidden_beside(self, tail: Iterable[LandedFile]) -> tuple[MonthFile, ...]:
        """Hidden files of the dates of `tail`: one of its events may be older than what is in them."""
        dates = {file.flight_date for file in tail}
        return tuple(entry for _, _, entry in self._hidden if any(map(entry.has_date, dates))) if dates else ()

    def tail_between(self, first: dt.date | None, last: dt.date | None) -> tuple[LandedFile, ...]:
        """Tail files of flight dates in the range, by name."""
        return tuple(f for f in self.tail if _overlaps(f.flight_date, f.flight_date, first, last))


@dataclass(frozen=True)
class FileSet:
    """The objects that an answer needs. Among `months` are hidden files too, where they matter."""

    months: tuple[MonthFile, ...]
    tail: tuple[LandedFile, ...]

    @property
    def all(self) -> tuple[StoredFile, ...]:
        return (*self.months, *self.tail)

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.all)

    @property
    def tail_bytes(self) -> int:
        return sum(file.size for file in self.tail)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.all)


class Planner:
    """Makes plans. It remembers the highest snapshot seen, so plans never go back in time."""

    def __init__(self, store: Store, now: Now, trusted: int | None = 0) -> None:
        """What is below the snapshot `trusted` is not looked at: a person has. None: the first one is believed, as by
        somebody who looks at all of it.
        """
        self._store = store
        self._now = now
        self._trusted = trusted
        self._latest = EMPTY
        self._latest_info: ObjectInfo | None = None

    def plan(self) -> Plan:
        """A plan as of now.

        Raises SnapshotHistoryLostError, ForeignSnapshotError, UnreadableError, FormatTooNewError, the store's errors.
        """
        listed_at = self._now()
        landing = list_landing(self._store)
        snapshot = self.latest_snapshot()
        created = None if self._latest_info is None else self._latest_info.created
        return Plan(snapshot, landing, listed_at, created)

    def latest_snapshot(self) -> Snapshot:
        """The very object with the highest name in a listing; EMPTY before the first commit.

        Its bytes must be the listed ones: a number, unlike the other names, can be used twice (ADR 6). It must continue
        the snapshot seen before; the first one that is seen, the one before it.
        """
        doubted = ""
        for _ in range(_FIND_ATTEMPTS):
            listed = self._list()
            if not listed or max(listed) == self._latest.number:
                return self._latest
            newest = listed[max(listed)]
            check_number(newest.name)
            try:
                found = read_listed(self._store, newest)
                why = self._problem(found, listed)
            except ObjectMissingError:
                continue  # collected between the listing and the read: a newer one is there
            if why is not None and doubted == newest.name:
                raise ForeignSnapshotError(newest.name, why)
            if why is not None:
                doubted = newest.name  # others may have collected while this listed: it looks once more
                continue
            self._latest = found
            self._latest_info = newest
            return self._latest
        raise StoreUnavailableError(
            f"{object_names.SNAPSHOTS}: each of {_FIND_ATTEMPTS} listings named a snapshot that was gone, or another,"
            " when it was read"
        )

    def _problem(self, found: Snapshot, listed: Listed) -> str | None:
        """Why no compactor can have made `found`, as far as one listing shows. Raises what reading snapshots raises."""
        if self._trusted is None and self._latest == EMPTY:
            return None
        if found.number == self._latest.number + 1:
            return commit_problem(self._latest, found)
        trusted = self._trusted if self._trusted is not None and self._trusted <= found.number else 0
        first = max(min(oldest_original(listed, self._latest_info), found.number - 1), trusted)
        why = gap_problem(found, listed, first)
        if why is not None or found.number == trusted:
            return why
        if self._latest.number and (why := descent_problem(self._latest, found)) is not None:
            return why
        return commit_problem(read_listed(self._store, listed[found.number - 1]), found)

    def _list(self) -> Listed:
        """The snapshots from the latest on; none when there are none and never were."""
        start = object_names.snapshot(self._latest.number) if self._latest.number else ""
        listed = by_number(self._store.list(object_names.SNAPSHOTS, start))
        if self._latest.number and max(listed, default=0) < self._latest.number:
            raise SnapshotHistoryLostError(
                f"{self._store.url}/{object_names.SNAPSHOTS}: snapshot {self._latest.number} was there and nothing from"
                " it on is there now; restore the deleted objects (soft delete) before going on"
            )
        return listed


def check_number(name: str) -> None:
    """Raises ForeignSnapshotError when the number in the name is above all that a snapshot may have."""
    number = object_names.parse_snapshot(name)
    if number is not None and number > object_names.MAX_SNAPSHOT:
        raise ForeignSnapshotError(name, f"numbers end at {object_names.MAX_SNAPSHOT}")


def list_landing(store: Store) -> Landing:
    """All landed files, by name; other objects under `landing/` are counted and ignored."""
    files: list[LandedFile] = []
    unrecognized = 0
    for info in store.list(object_names.LANDING):
        date = object_names.parse_landed_file(info.name)
        if date is None:
            unrecognized += 1
        else:
            files.append(LandedFile(info, date))
    return Landing(tuple(files), unrecognized)


def by_month(files: Iterable[LandedFile]) -> dict[str, list[LandedFile]]:
    """Landed files grouped by the month of their flight date."""
    months: dict[str, list[LandedFile]] = {}
    for file in files:
        months.setdefault(object_names.month_of(file.flight_date), []).append(file)
    return months


def _ranges(entries: Iterable[MonthFile]) -> _Ranges:
    return [(entry.min_flight_date, entry.max_flight_date, entry) for entry in entries]


def _between(ranges: _Ranges, first: dt.date | None, last: dt.date | None) -> tuple[MonthFile, ...]:
    first, last = first or dt.date.min, last or dt.date.max
    return tuple([entry for least, most, entry in ranges if least <= last and first <= most])


def _overlaps(low: dt.date, high: dt.date, first: dt.date | None, last: dt.date | None) -> bool:
    return (first is None or high >= first) and (last is None or low <= last)
