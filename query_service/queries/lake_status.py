"""/v1/lake: the current content of the lake, month by month, even if some files are unreadable.

Month files never change, so the totals of each date are computed once and cached; only dates with a
tail are merged again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import object_names
from lakehouse.errors import LakeError, ObjectMissingError, UnreadableError
from lakehouse.schema.event import REJECTED_SCHEMA
from lakehouse.store.store import Store
from lakehouse.table.latest_sql import VISIBLE, read_files, without_probes
from lakehouse.table.parquet_files import check_schema
from lakehouse.table.planner import FileSet, Now, by_month
from query_service.engine.database import LocalFiles, Query
from query_service.engine.executor import QueryContext
from query_service.observer import Observer

_COUNTED: Final = f"{without_probes()} AND {VISIBLE}"


@dataclass(frozen=True)
class Totals:
    """Totals of visible flights, without probes."""

    flights: int = 0
    newest_event_time: dt.datetime | None = None
    newest_publish_time: dt.datetime | None = None

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.flights + other.flights,
            _latest(self.newest_event_time, other.newest_event_time),
            _latest(self.newest_publish_time, other.newest_publish_time),
        )


@dataclass(frozen=True)
class LakeStatus:
    """The lake as far as it could be read."""

    totals: Totals
    tail_rows: int
    unreadable: tuple[UnreadableError, ...]
    rejected: Rejected


class LakeStatusService:
    """Computes the LakeStatus of a context; caches the totals of month files."""

    def __init__(self, rejections: Rejections, observer: Observer) -> None:
        """`rejections` for this object alone: it is used in another thread."""
        self._rejections = rejections
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rejections")
        self._observer = observer
        self._by_date: dict[str, dict[dt.date, Totals]] = {}  # month file -> date -> totals

    async def find(self, view: QueryContext) -> LakeStatus:
        """Looks at every month of the plan. Raises what answering raises, except UnreadableError."""
        rejecting = asyncio.get_running_loop().run_in_executor(self._thread, self._rejections.count)
        try:
            months = await self._months(view)
        except BaseException:
            rejecting.cancel()
            raise
        rejected = await rejecting
        self._observer.lake_looked_at(view.plan.listed_at, months.totals.newest_publish_time, months.tail_rows)
        unreadable = sorted((*months.unreadable, *rejected.unreadable), key=lambda error: error.name)
        return LakeStatus(months.totals, months.tail_rows, tuple(unreadable), rejected)

    def close(self) -> None:
        """Waits for a count that is under way."""
        self._thread.shutdown(cancel_futures=True)

    async def _months(self, view: QueryContext) -> _Months:
        plan = view.plan
        named = {entry.name for entry in plan.snapshot.months.values()}
        self._by_date = {name: known for name, known in self._by_date.items() if name in named}
        tails = by_month(plan.tail)
        found = _Months()
        for month in sorted(plan.snapshot.months.keys() | tails.keys()):
            entry = plan.snapshot.months.get(month)
            files = FileSet(() if entry is None else (entry,), tuple(tails.get(month, ())))
            for error in await view.unreadable(files):
                found.unreadable.append(error)
                files = _without(files, error.name)
            await self._month(view, files, found)
        return found

    async def _month(self, view: QueryContext, files: FileSet, found: _Months) -> None:
        """Adds one month to `found`; leaves out a file whose pages turn out to be broken."""
        try:
            by_date = await self._merged(view, FileSet(files.months, ()))
            tail_rows = 0
            if files.tail:
                dates = {file.flight_date for file in files.tail}
                tail_rows = (await view.fetch(FileSet((), files.tail), _tail_rows)).column(0)[0].as_py()
                decided = _by_date((await view.fetch(files, partial(_totals, dates=dates))).to_pylist())
                by_date = {date: totals for date, totals in by_date.items() if date not in dates} | decided
        except UnreadableError as error:
            found.unreadable.append(error)
            await self._month(view, _without(files, error.name), found)
            return
        found.tail_rows += tail_rows
        found.totals = sum(by_date.values(), found.totals)

    async def _merged(self, view: QueryContext, files: FileSet) -> dict[dt.date, Totals]:
        if not files.months:
            return {}
        name = files.months[0].name
        if name not in self._by_date:
            self._by_date[name] = _by_date((await view.fetch(files, _totals)).to_pylist())
        return self._by_date[name]


@dataclass
class _Months:
    """The totals so far."""

    totals: Totals = Totals()
    tail_rows: int = 0
    unreadable: list[UnreadableError] = field(default_factory=list)


def _totals(local: LocalFiles, dates: Iterable[dt.date] = ()) -> Query:
    """Totals by date, of `dates` if there are any."""
    listed = ", ".join(f"DATE '{date.isoformat()}'" for date in sorted(dates))
    where = f"flight_date IN ({listed})" if listed else ""
    return Query(
        "SELECT flight_date, count(*) AS flights, max(event_time) AS newest_event_time,"
        " max(publish_time) AS newest_publish_time"
        f" FROM ({local.state(where)}) WHERE {_COUNTED} GROUP BY flight_date"
    )


def _tail_rows(local: LocalFiles) -> Query:
    return Query(f"SELECT count(*) FROM {read_files(local.tail)}")


def _by_date(rows: list[dict[str, Any]]) -> dict[dt.date, Totals]:
    return {
        row["flight_date"]: Totals(row["flights"], row["newest_event_time"], row["newest_publish_time"]) for row in rows
    }


def _without(files: FileSet, name: str) -> FileSet:
    return FileSet(
        tuple(entry for entry in files.months if entry.name != name),
        tuple(file for file in files.tail if file.name != name),
    )


def _latest(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


_READS_A_TIME = 50  # objects of some kilobytes, 20 ms each from storage: one second
_REMEMBERED = 100_000  # names of about 150 bytes each; beyond it rows are unknown, not wrong


@dataclass(frozen=True)
class Rejected:
    """Objects under `rejected/`; `rows` is None until counted. `unrecognized`: in all folders."""

    files: int
    rows: int | None
    bytes: int
    unreadable: tuple[UnreadableError, ...]
    unrecognized: int


class Rejections:
    """Counts at most once a plan age. Not thread-safe."""

    def __init__(self, store: Store, now: Now, max_age_s: float) -> None:
        self._store = store
        self._now = now
        self._max_age = dt.timedelta(seconds=max_age_s)
        self._rows: dict[str, int | UnreadableError] = {}
        self._counted: tuple[dt.datetime, Rejected] | None = None

    def count(self) -> Rejected:
        """Lists, and reads some objects that were not read before. Raises the store's errors."""
        now = self._now()
        if self._counted is not None and dt.timedelta(0) <= now - self._counted[0] <= self._max_age:
            return self._counted[1]
        counted = self._count()
        self._counted = (now, counted)
        return counted

    def _count(self) -> Rejected:
        files, rows, size, unknown, reads, unrecognized = 0, 0, 0, 0, 0, 0
        known: dict[str, int | UnreadableError] = {}
        for info in self._store.list(""):
            if object_names.parse_rejected_file(info.name) is None:
                unrecognized += not object_names.is_ours(info.name)
                continue
            files += 1
            size += info.size
            found = self._rows.get(info.name)
            if found is None and reads < _READS_A_TIME and len(known) < _REMEMBERED:
                reads += 1
                found = self._read(info.name)
            if found is None:
                unknown += 1
                continue
            known[info.name] = found
            rows += found if isinstance(found, int) else 0
        self._rows = known
        unreadable = tuple(found for found in known.values() if isinstance(found, UnreadableError))
        return Rejected(files, None if unknown else rows, size, unreadable, unrecognized)

    def _read(self, name: str) -> int | UnreadableError | None:
        try:
            with pq.ParquetFile(pa.BufferReader(self._store.read(name))) as file:
                check_schema(name, file, REJECTED_SCHEMA)
                return int(file.metadata.num_rows)
        except UnreadableError as error:
            return error
        except (pa.ArrowException, OSError) as error:
            return UnreadableError(name, f"not a whole Parquet file: {error}")
        except ObjectMissingError:
            return 0  # deleted since it was listed
        except LakeError:
            return None  # tried again next time
