"""/v1/lake: the current content of the lake, month by month, even if some files are unreadable.

Month files never change, so what one amounts to on each date is computed once and remembered; only dates that
the tail touches are merged again. One refresh at a time serves all who ask: it has its own beginning and deadline, and
its result is good for a while after its end, since it may take longer than a plan may be old: the longer it took,
the longer. Else one slow refresh, the first one say, would hide what comes for as long as the slowest is good for. What
needs a listing of the whole bucket is sampled separately: see inventory.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from lakehouse import object_names
from lakehouse.errors import UnreadableError
from lakehouse.table.latest_sql import VISIBLE, read_files, without_probes
from lakehouse.table.planner import FileSet, Now, Plan, by_month
from lakehouse.table.snapshot import MonthFile
from query_service.engine.database import LocalFiles, Query
from query_service.engine.executor import QueryContext, QueryExecutor
from query_service.observer import Observer
from query_service.queries.inventory import Inventory, InventorySampler

_GOOD_FOR: Final = 2.0  # times as long as a slow refresh took: a third of the time goes into refreshing, at most
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
    """The lake as of `plan`, as far as it could be read."""

    plan: Plan
    totals: Totals
    tail_rows: int
    unreadable: tuple[UnreadableError, ...]
    inventory: Inventory


class LakeStatusService:
    """Makes LakeStatus; remembers the totals of month files. One refresh at a time, shared. Lives on the event loop."""

    def __init__(
        self,
        executor: QueryExecutor,
        inventory: InventorySampler,
        observer: Observer,
        now: Now,
        *,
        plan_max_age_s: float,
        max_age_s: float,
    ) -> None:
        """`max_age_s`: how long after its end a refresh is good for at most that took longer than `plan_max_age_s`."""
        self._executor = executor
        self._inventory = inventory
        self._observer = observer
        self._now = now
        self._plan_max_age_s = plan_max_age_s
        self._max_age_s = max_age_s
        self._by_date: dict[str, dict[dt.date, Totals]] = {}  # month file -> date -> totals
        self._refresh: _Refresh | None = None
        self._last: _Refreshed | None = None

    async def find(self) -> LakeStatus:
        """Every month of the lake. Raises what answering raises, except UnreadableError."""
        async with self._executor.admission():
            inventory = asyncio.create_task(self._inventory.latest())
            try:
                refreshed = await self._refreshed()
                sampled = await inventory
            finally:
                inventory.cancel()
        months = refreshed.months
        self._observer.lake_refreshed(months.plan.listed_at, months.totals.newest_publish_time, months.tail_rows)
        unreadable = sorted((*months.unreadable, *sampled.unreadable), key=lambda error: error.name)
        return LakeStatus(months.plan, months.totals, months.tail_rows, tuple(unreadable), sampled)

    def close(self) -> None:
        """Ends a listing that is under way."""
        self._inventory.close()

    async def _refreshed(self) -> _Refreshed:
        """The last refresh if it is good for a request that arrives now, else the first one that ends and is."""
        arrived, arrived_s = self._now(), _loop_s()
        while self._last is None or not self._is_good(self._last, arrived, arrived_s):
            if self._refresh is None:
                self._refresh = _Refresh(asyncio.create_task(self._run()))
                self._refresh.task.add_done_callback(self._forget)
            await self._joined(self._refresh)
        return self._last

    def _is_good(self, last: _Refreshed, arrived: dt.datetime, arrived_s: float) -> bool:
        if last.began_s >= arrived_s or self._executor.is_fresh_enough(last.months.plan, arrived):
            return True
        took_s = last.ended_s - last.began_s
        is_slow = took_s > self._plan_max_age_s
        return is_slow and _loop_s() - last.ended_s < min(self._max_age_s, _GOOD_FOR * took_s)

    async def _joined(self, refresh: _Refresh) -> None:
        """Waits until it has ended. Raises what it raised, but not its deadline: that of who waits may be later."""
        refresh.waiting += 1
        try:
            await asyncio.wait({refresh.task})
        finally:
            refresh.waiting -= 1
            if refresh.waiting == 0 and not refresh.task.done():
                self._forget(refresh.task)  # nobody may join it any more
                refresh.task.cancel()
        with contextlib.suppress(TimeoutError):
            refresh.task.result()

    def _forget(self, task: asyncio.Task[None]) -> None:
        if self._refresh is not None and self._refresh.task is task:
            self._refresh = None
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, else asyncio logs it: the caller may just have left

    async def _run(self) -> None:
        began_s = _loop_s()
        async with asyncio.timeout(self._executor.timeout_s):
            months = await self._executor.run(self._months)
        self._last = _Refreshed(months, began_s, _loop_s())

    async def _months(self, context: QueryContext) -> _Months:
        plan = context.plan
        named = {entry.name for entry in plan.snapshot.shown_files()}
        self._by_date = {name: known for name, known in self._by_date.items() if name in named}
        tails = by_month(plan.tail)
        found = _Months(plan)
        for month in sorted({*plan.snapshot.month_names, *tails}):
            files = FileSet(plan.snapshot.month(month).files, tuple(tails.get(month, ())))
            for error in await context.unreadable(files):
                found.unreadable.append(error)
                files = _without(files, error.name)
            await self._month(context, files, found)
        return found

    async def _month(self, context: QueryContext, files: FileSet, found: _Months) -> None:
        """Adds one month to `found`; leaves out a file whose pages turn out to be broken."""
        try:
            by_date = await self._merged(context, files.months)
            tail_rows = 0
            if files.tail:
                dates = {file.flight_date for file in files.tail}
                tail_rows = (await context.fetch(FileSet((), files.tail), _tail_rows)).column(0)[0].as_py()
                touched = FileSet(tuple(each for each in files.months if any(map(each.has_date, dates))), files.tail)
                merged = _by_date((await context.fetch(touched, partial(_totals, dates=dates))).to_pylist())
                by_date = {date: totals for date, totals in by_date.items() if date not in dates} | merged
        except UnreadableError as error:
            found.unreadable.append(error)
            await self._month(context, _without(files, error.name), found)
            return
        found.tail_rows += tail_rows
        found.totals = sum(by_date.values(), found.totals)

    async def _merged(self, context: QueryContext, files: Iterable[MonthFile]) -> dict[dt.date, Totals]:
        """Totals by date; hidden files add none."""
        by_date: dict[dt.date, Totals] = {}
        for file in files:
            if object_names.is_hidden(file.name):
                continue
            if file.name not in self._by_date:
                self._by_date[file.name] = _by_date((await context.fetch(FileSet((file,), ()), _totals)).to_pylist())
            by_date |= self._by_date[file.name]
        return by_date


@dataclass
class _Refresh:
    """A refresh that is under way, and how many wait for it; it ends with the last of them."""

    task: asyncio.Task[None]
    waiting: int = 0


@dataclass(frozen=True)
class _Refreshed:
    """What a refresh found, and when on the loop's clock."""

    months: _Months
    began_s: float
    ended_s: float


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class _Months:
    """The totals so far."""

    plan: Plan
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
