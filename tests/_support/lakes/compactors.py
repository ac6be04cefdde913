"""Compactors on a shared store: options, faults between their steps, and the expected table."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.model import CompactorOptions
from lakehouse import object_names
from lakehouse.client.verify import verify
from lakehouse.store.store import ObjectInfo, Source, Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot, from_json
from tests._support.events.builders import ids
from tests._support.lakes.rows import Row, key, land, row
from tests._support.lakes.stores import WrappedStore

START = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


def options(scratch: Path, **changes: Any) -> CompactorOptions:
    values: dict[str, Any] = {
        "scratch": scratch,
        "scratch_max_bytes": 1 << 30,
        "memory_mb": 256,
        "threads": 1,
        "months_at_once": 2,
        "merge_max_files": 5000,
        "merge_max_bytes": 1 << 30,
        "merge_max_rows": 10_000_000,
        "commit_attempts": 100,
        "retention_s": 86_400.0,
        "file_max_bytes": 64_000_000,
        "moving_file_max_bytes": 1_000_000,
        "rest_s": 172_800.0,
    }
    return CompactorOptions(**values | changes)


_compactors = itertools.count(1)


def compactor(store: Store, scratch: Path, **changes: Any) -> Compactor:
    """A compactor whose random names are its own, and the same in every run of one test."""
    mine = next(_compactors)
    count = ids()
    return Compactor(store, options(scratch, **changes), lambda: START, lambda: f"{mine:016x}{count()[16:]}")


def commit_often(
    store: Store, clock: Clock, made: Compactor, times: int, every_s: float, days: Sequence[str] = ("2013-01-01",)
) -> None:
    """So many commits of `made`, `every_s` apart; each absorbs a new flight of each of `days`."""
    for number in range(1, times + 1):
        for day in days:
            land(store, [row(day, number)])
        made.compact()
        clock.advance(every_s)


def latest(store: Store) -> Snapshot:
    return Planner(store, lambda: START).latest_snapshot()


def snapshot(store: Store, number: int) -> Snapshot:
    name = object_names.snapshot(number)
    return from_json(name, store.read(name))


def numbers(store: Store) -> list[int]:
    """The snapshots that are listed."""
    return [number for info in store.list(object_names.SNAPSHOTS) if (number := object_names.parse_snapshot(info.name))]


def month_rows(store: Store, month: str) -> list[Row]:
    """The rows of the month in the latest snapshot, hidden ones too, in the order of their keys."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "month.parquet"
        for entry in latest(store).month(month).files:
            store.download(entry.name, path)
            rows += pq.read_table(path).to_pylist()
    return sorted(rows, key=key)


def table_rows(store: Store) -> list[Row]:
    """All rows of the latest snapshot."""
    return [each for month in latest(store).month_names for each in month_rows(store, month)]


def problems(store: Store) -> Sequence[str]:
    return verify(store, lambda: START).problems


def random_rows(rng: random.Random, count: int, flights: int, days: Sequence[str]) -> list[Row]:
    """Events of few flights, so that they meet; some are equal in all of the order but its last parts."""
    return [
        row(
            rng.choice(days),
            number=rng.randrange(1, flights + 1),
            event_time=f"2013-01-01 12:00:{rng.randrange(30):02d}",
            message_id=str(rng.randrange(1_000_000)),
            message_line=rng.randrange(3),
            status=rng.choice(["scheduled", "departed", "arrived", "void"]),
            tail_number=rng.choice([None, "N1", "N2"]),
        )
        for _ in range(count)
    ]


class HidingStore(WrappedStore):
    """A store whose listings lack some objects, as if made before these existed."""

    def __init__(self, inner: Store, *hidden: str) -> None:
        super().__init__(inner)
        self._hidden = hidden

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        return (info for info in super().list(prefix, start) if info.name not in self._hidden)


_Actions = list[tuple[str, str, Callable[[str], None]]]


class MeddlingStore(WrappedStore):
    """Runs `before` ahead of calls like `("create", name)`, once each; it may raise or write."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._lock = threading.Lock()
        self._before: _Actions = []
        self._after: _Actions = []
        self.calls: list[tuple[str, str]] = []

    def before(self, call: str, prefix: str, action: Callable[[str], None]) -> None:
        self._before.append((call, prefix, action))

    def after(self, call: str, prefix: str, action: Callable[[str], None]) -> None:
        self._after.append((call, prefix, action))

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        self._meddle(self._before, "list", prefix)
        found = list(super().list(prefix, start))
        self._meddle(self._after, "list", prefix)
        return iter(found)

    def create(self, name: str, source: Source) -> None:
        self._meddle(self._before, "create", name)
        super().create(name, source)
        self._meddle(self._after, "create", name)

    def read(self, name: str) -> bytes:
        self._meddle(self._before, "read", name)
        return super().read(name)

    def download(self, name: str, path: Path) -> None:
        self._meddle(self._before, "download", name)
        super().download(name, path)

    def delete(self, name: str) -> None:
        self._meddle(self._before, "delete", name)
        super().delete(name)

    def generation(self, name: str) -> int:
        found = super().generation(name)
        self._meddle(self._after, "generation", name)
        return found

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        self._meddle(self._before, "replace", name)
        return super().replace(name, data, generation)

    def called(self, call: str, prefix: str) -> Sequence[str]:
        return [name for kind, name in self.calls if kind == call and name.startswith(prefix)]

    def _meddle(self, actions: _Actions, call: str, name: str) -> None:
        with self._lock:
            if actions is self._before:
                self.calls.append((call, name))
            due = next((a for a in actions if a[0] == call and name.startswith(a[1])), None)
            if due is None:
                return
            actions.remove(due)
        due[2](name)
