"""Checks the files of the latest snapshot and the landed files: `python -m lakehouse verify`.

On disk are at most one file and the hidden ones of its month; in memory is one batch of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lakehouse import object_names
from lakehouse.client.verify_rows import flight_in_both, inspect_month, month_bounds
from lakehouse.client.verify_tables import TableCheck
from lakehouse.errors import FormatTooNewError, LakeError, ObjectMissingError, UnreadableError
from lakehouse.local_disk import temporary_folder
from lakehouse.object_names import month_of
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.checksum import file_crc32c
from lakehouse.store.store import Store
from lakehouse.table.lineage import commit_problem
from lakehouse.table.listed_snapshots import by_number, read_listed
from lakehouse.table.parquet_files import MonthStats, contents
from lakehouse.table.planner import LandedFile, Now, Plan, Planner
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot
from lakehouse.table.stored_file import download

_SHOWN = 10  # missing snapshots: there may be a thousand
_BOTH_SIDES = 1  # the last format whose month files have the hidden rows too
_LANDED_AT_ONCE = 8  # small files: waiting for storage, not work


@dataclass(frozen=True)
class MonthReport:
    """The check of one month, all of its files. `is_superseded`: a newer snapshot has replaced one meanwhile."""

    month: str
    rows: int
    bytes: int
    problems: tuple[str, ...]
    is_superseded: bool = False


@dataclass(frozen=True)
class Report:
    """The result of a check. Each of `problems` names its object.

    `outdated`: months with a file of an older format. Compaction rewrites them; no answer is wrong until then.
    """

    listed_at: dt.datetime
    snapshot: int
    months: tuple[MonthReport, ...]
    landed_files: int
    landed_rows: int
    tail_files: int
    unrecognized: int
    problems: tuple[str, ...]
    outdated: int = 0
    tables: str = ""
    """Which snapshots the Delta and the Iceberg table are at."""


def verify(store: Store, now: Now) -> Report:
    """Checks the latest snapshot, every month file in it, every landed file, and the outside tables.

    Raises the store's errors.
    """
    planner = Planner(store, now, trusted=None)
    listed_at = now()
    try:
        plan = planner.plan()
    except (UnreadableError, FormatTooNewError) as error:
        return Report(listed_at, 0, (), 0, 0, 0, 0, (str(error),))
    with temporary_folder("flights-verify-") as folder:
        check = _Check(store, planner, plan, folder)
        history = tuple(_snapshot_problems(store, plan.snapshot))
        months = tuple(map(check.month, plan.snapshot.month_names))
        landed_rows, landed = check.landing()
    tables = TableCheck(store, plan.snapshot.min_retained)
    outside = tuple(tables.problems())
    problems = (*history, *(problem for month in months for problem in month.problems), *landed, *outside)
    landed_files = len(plan.landing.files)
    return Report(
        listed_at,
        plan.snapshot.number,
        months,
        landed_files,
        landed_rows,
        len(plan.tail),
        plan.landing.unrecognized,
        problems,
        len({month_of(e.min_flight_date) for e in plan.snapshot.all_files() if e.format_version < FORMAT_VERSION}),
        tables.state,
    )


class _Check:
    """Checks the objects of one plan."""

    def __init__(self, store: Store, planner: Planner, plan: Plan, folder: Path) -> None:
        self._store = store
        self._planner = planner
        self._plan = plan
        self._folder = folder

    def month(self, month: str) -> MonthReport:
        """The entries, the objects and their rows; the hidden ones first."""
        files = self._plan.snapshot.month(month)
        problems: list[str] = []
        is_superseded = False
        with temporary_folder("month-", self._folder) as hidden:
            for entry in (*files.hidden, *files.shown):
                problems += _entry_problems(month, entry, self._plan.snapshot.number)
                try:
                    for problem in self._month_file_problems(month, entry, hidden):
                        problems.append(problem)  # one by one: what was found before an error counts too
                except ObjectMissingError as error:
                    if self._planner.plan().names_file(entry.name):
                        problems.append(str(error))
                    else:
                        is_superseded = True
                except (UnreadableError, FormatTooNewError) as error:
                    problems.append(str(error))
        return MonthReport(month, files.rows, files.size, tuple(problems), is_superseded)

    def landing(self) -> tuple[int, list[str]]:
        """Rows of all landed files that can be read, and the problems of the others."""
        rows, problems = 0, []
        with ThreadPoolExecutor(_LANDED_AT_ONCE) as pool:
            for file, found in zip(
                self._plan.landing.files, pool.map(self._landed_rows, self._plan.landing.files), strict=True
            ):
                if isinstance(found, int):
                    rows += found
                elif not isinstance(found, ObjectMissingError):
                    problems.append(str(found))
                elif (problem := self._missing_problem(file)) is not None:
                    problems.append(problem)
        return rows, problems

    def _month_file_problems(self, month: str, entry: MonthFile, hidden: Path) -> Iterator[str]:
        """Of one file. A hidden one stays in the folder `hidden`, to be compared with those that follow."""
        info = next((info for info in self._store.list(entry.name) if info.name == entry.name), None)
        if info is None:
            raise ObjectMissingError(entry.name)
        if info.size != entry.size:
            yield f"{entry.name}: has {info.size} bytes, the snapshot says {entry.size}"
        path = self._folder / "month.parquet"
        try:
            self._store.download(entry.name, path)
            if (found := file_crc32c(path)) != entry.crc32c:
                yield f"{entry.name}: its bytes have crc32c {found}, the snapshot says {entry.crc32c}"
            found_format = contents(entry.name, path).format_version
            if found_format != entry.format_version:
                yield f"{entry.name}: has format_version {found_format}, the snapshot says {entry.format_version}"
            summary, problems = inspect_month(entry.name, path, is_hidden=_side(entry))
            if object_names.is_hidden(entry.name):
                path.rename(hidden / f"{len(list(hidden.iterdir()))}.parquet")
            elif (flight := flight_in_both(path, sorted(hidden.iterdir()))) is not None:
                yield f"{entry.name}: flight {flight} is among the hidden ones too"
        finally:
            path.unlink(missing_ok=True)
        yield from (f"{entry.name}: {problem}" for problem in problems)
        yield from _stats_problems(month, entry, summary)

    def _landed_rows(self, file: LandedFile) -> int | LakeError:
        path = self._folder / file.name.replace("/", "_")
        try:
            return download(self._store, file, path).rows
        except (ObjectMissingError, UnreadableError, FormatTooNewError) as error:
            return error
        finally:
            path.unlink(missing_ok=True)

    def _missing_problem(self, file: LandedFile) -> str | None:
        """A landed file may go once a snapshot has absorbed it; None when it did."""
        later = self._planner.plan()
        if any(other.name == file.name for other in later.landing.files):
            return f"{file.name}: is listed and cannot be found"
        is_absorbed = file.name in self._plan.snapshot.absorbed or later.snapshot.number > self._plan.snapshot.number
        return None if is_absorbed else f"{file.name}: gone, and snapshot {later.snapshot.number} has not absorbed it"


def _snapshot_problems(store: Store, snapshot: Snapshot) -> Iterator[str]:
    """Every snapshot from the oldest retained to the latest must be there; other numbers do no harm."""
    if snapshot.number == EMPTY.number:
        return
    name = object_names.snapshot(snapshot.number)
    for path in sorted(snapshot.absorbed):
        if object_names.parse_landed_file(path) is None:
            yield f"{name}: absorbed {path!r}, which is not the name of a landed file"
    if not object_names.has_room_above(snapshot.number):
        yield f"{name}: numbers end at {object_names.MAX_SNAPSHOT}: no commit can follow it"
    yield from _history_problems(store, snapshot)
    listed = {object_names.parse_snapshot(info.name) for info in store.list(object_names.SNAPSHOTS)} - {None}
    latest = max((number for number in listed if number is not None), default=0)
    min_retained = snapshot.min_retained if latest == snapshot.number else _oldest(store, latest, snapshot.number)
    missing = [number for number in range(max(min_retained, 1), snapshot.number + 1) if number not in listed]
    if missing:
        shown = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
        retained = f"{min_retained} to {snapshot.number}"
        yield f"{object_names.SNAPSHOTS}: {len(missing)} missing of those retained, {retained}: {shown}"


def _history_problems(store: Store, snapshot: Snapshot) -> Iterator[str]:
    """Every retained snapshot must hold what the one before it held; those that are gone are not looked at."""
    before = None
    listed = by_number(store.list(object_names.SNAPSHOTS))
    for number in range(max(snapshot.min_retained, 1), snapshot.number + 1):
        name = object_names.snapshot(number)
        try:
            if number not in listed:
                raise ObjectMissingError(name)
            found = snapshot if number == snapshot.number else read_listed(store, listed[number])
        except ObjectMissingError:
            before = None
            continue
        except UnreadableError as error:
            yield str(error)
            before = None
            continue
        if before is not None and (why := commit_problem(before, found)) is not None:
            yield f"{name}: no compactor of ours made it: {why}"
        before = found


def _oldest(store: Store, latest: int, otherwise: int) -> int:
    """The oldest retained number that the snapshot `latest` names, which came or went during this check."""
    listed = by_number(store.list(object_names.SNAPSHOTS, object_names.snapshot(latest)))
    try:
        return read_listed(store, listed[latest]).min_retained if latest in listed else otherwise
    except (ObjectMissingError, UnreadableError, FormatTooNewError):
        return otherwise


def _entry_problems(month: str, entry: MonthFile, number: int) -> Iterator[str]:
    """What a snapshot says of a month must make sense by itself."""
    if not 1 <= entry.added_snapshot <= number:
        yield f"{entry.name}: its entry is since {entry.added_snapshot}, in snapshot {number}"
    name = object_names.parse_month_file(entry.name)
    if name is None or name.added_snapshot > entry.added_snapshot:
        yield f"{entry.name}: its name says a since above that of its entry, {entry.added_snapshot}"
    first, last = month_bounds(month)
    if not first <= entry.min_flight_date <= entry.max_flight_date <= last:
        yield (
            f"{entry.name}: the snapshot says flight dates {entry.min_flight_date} to {entry.max_flight_date},"
            f" which is not inside {month}"
        )


def _side(entry: MonthFile) -> bool | None:
    """Whether its rows are those that no answer shows; None where it may have both."""
    return object_names.is_hidden(entry.name) if entry.format_version > _BOTH_SIDES else None


def _stats_problems(month: str, entry: MonthFile, found: MonthStats | None) -> Iterator[str]:
    if found is None:
        yield f"{entry.name}: has no rows"
        return
    if found.rows != entry.rows:
        yield f"{entry.name}: has {found.rows} rows, the snapshot says {entry.rows}"
    if (found.min_flight_date, found.max_flight_date) != (entry.min_flight_date, entry.max_flight_date):
        yield (
            f"{entry.name}: has flight dates {found.min_flight_date} to {found.max_flight_date},"
            f" the snapshot says {entry.min_flight_date} to {entry.max_flight_date}"
        )
    if found.max_event_time != entry.max_event_time:
        yield f"{entry.name}: its newest event is of {found.max_event_time}, the snapshot says {entry.max_event_time}"
    first, last = month_bounds(month)
    if found.min_flight_date < first or found.max_flight_date > last:
        yield f"{entry.name}: has rows outside {month}"


def lines(report: Report) -> Iterator[str]:
    """The report, the summary last."""
    for month in report.months:
        yield f"{month.month}  {month.rows:>12,} rows  {month.bytes:>15,} bytes  {_verdict(month)}"
    for problem in report.problems:
        yield f"problem: {problem}"
    if report.tables:
        yield report.tables
    yield _summary(report)


def _verdict(month: MonthReport) -> str:
    if month.problems:
        return "BAD"
    return "superseded meanwhile, not checked" if month.is_superseded else "ok"


def _summary(report: Report) -> str:
    rows = sum(month.rows for month in report.months)
    absorbed = report.landed_files - report.tail_files
    outdated = f" ({report.outdated:,} of an older format)" if report.outdated else ""
    unrecognized = f", {_count(report.unrecognized, 'unrecognized object')} in landing/" if report.unrecognized else ""
    return (
        f"snapshot {report.snapshot}: {_count(len(report.months), 'month')}{outdated}, {_count(rows, 'row')};"
        f" {_count(report.landed_files, 'landed file')} ({absorbed} absorbed, {report.tail_files} in the tail),"
        f" {_count(report.landed_rows, 'row')}{unrecognized}; {_count(len(report.problems), 'problem')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
