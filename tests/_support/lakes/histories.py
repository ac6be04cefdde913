"""Histories of snapshots without their files, for the outside tables: the same in every run."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator

from lakehouse import object_names
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot, to_json

START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)


class TickingClock:
    """Goes on by a second whenever it is looked at: no two objects are created at the same time."""

    def __init__(self) -> None:
        self._ticks = itertools.count(1)

    def __call__(self) -> dt.datetime:
        return START + dt.timedelta(seconds=next(self._ticks))


def following(base: Snapshot, month: str, min_retained: int = 1) -> Snapshot:
    """The snapshot after `base`, with a new file of the month."""
    number = base.number + 1
    before = base.months.get(month)
    entry = MonthFile(
        name=object_names.month_file(month, base.added_snapshot(month), f"{number:032x}"),
        added_snapshot=number,
        rows=100 * number if before is None else before[0].rows + 10,
        size=1000 * number,
        crc32c=number,
        min_flight_date=dt.date.fromisoformat(f"{month}-01"),
        max_flight_date=dt.date.fromisoformat(f"{month}-28"),
        max_event_time=dt.datetime(2013, 1, 31, 12, 0, 0, number * 1000, tzinfo=dt.UTC),
        format_version=1,
    )
    return Snapshot(
        number, max(base.min_retained, min(min_retained, max(base.number, 1))), {**base.months, month: (entry,)}
    )


def history(months: Iterable[str]) -> Iterator[Snapshot]:
    """A snapshot for each month, which has a new file in it."""
    base = EMPTY
    for month in months:
        base = following(base, month)
        yield base


def commit_history(store: Store, count: int, retained: int = 1_000) -> Snapshot:
    """Commits more snapshots on top of the latest, each of which retains so many; the last one."""
    latest = Planner(store, lambda: START, trusted=None).latest_snapshot()
    for _ in range(count):
        month = f"2013-{latest.number % 6 + 1:02d}"
        latest = following(latest, month, min_retained=latest.number + 2 - retained)
        store.create(object_names.snapshot(latest.number), to_json(latest))
    return latest


def expire(store: Store, below: int) -> None:
    """Deletes the snapshots below a number, as the collector does."""
    for number in range(1, below):
        store.delete(object_names.snapshot(number))
