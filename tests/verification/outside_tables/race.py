"""Commits, publishers and collectors that take turns at random, call by call; each call may be a publisher's last.

After every step readers look: what they see has to be the table of some snapshot, never an older one
than before, and at most one run old.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable
from typing import Any

from ingest_writer.publishing.publisher import Publisher
from lakehouse import object_names
from lakehouse.errors import LakeError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot, to_json
from tests._support.lakes.rows import unique
from tests.verification.outside_tables.readers import BrokenTableError, DeltaReader, IcebergReader

_MOST_AT_ONCE = 4
_RETAINED = 5
_WEEKS = 3  # of a month: a file each
_HIDDEN = 0.2  # of the commits change only rows that no answer shows: a version with the files of the one before
_WAIT_S = 20.0


class Killed(BaseException):
    """The end of a process."""


class SteppedStore:
    """The store as one publisher has it: every call waits for its turn, and may be the last, before or after it."""

    url = "memory://"

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.turn = threading.Semaphore(0)
        self.came = threading.Semaphore(0)
        self.death = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.came.release()
            assert self.turn.acquire(timeout=_WAIT_S)
            if self.death == "before":
                raise Killed
            result = getattr(self._store, name)(*arguments)
            if self.death == "after":
                raise Killed
            return result

        return call


class PublisherProcess:
    """A publisher that goes on when it is told to."""

    def __init__(self, store: MemoryStore, latest: int) -> None:
        self.began_at = latest
        self.is_done = False
        self.has_published = False
        self._store = SteppedStore(store)
        threading.Thread(target=self._run, daemon=True).start()
        assert self._store.came.acquire(timeout=_WAIT_S)

    def step(self, death: str = "") -> None:
        """Lets it make one call."""
        self._store.death = death
        self._store.turn.release()
        assert self._store.came.acquire(timeout=_WAIT_S)

    def _run(self) -> None:
        try:
            planner = Planner(self._store, lambda: dt.datetime.now(dt.UTC))
            Publisher(self._store, planner).publish()
            self.has_published = True
        except (Killed, LakeError):
            pass
        self.is_done = True
        self._store.came.release()


class Race:
    """One run of a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._moment = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
        self._store = MemoryStore(self._now)
        self._truth: dict[int, Snapshot] = {0: EMPTY}
        self._processes: list[PublisherProcess] = []
        self._delta = DeltaReader(self._store)
        self._iceberg = IcebergReader(self._store)
        self._seen = {"delta": -1, "iceberg": 0}
        self._least = -1  # the snapshot that ended runs have published
        self._is_old = seed % 3 == 0
        if self._is_old:  # a lake older than its tables
            for _ in range(7):
                self._commit()
            for number in range(1, 4):
                self._store.delete(object_names.snapshot(number))
        else:
            self._publish()

    def run(self, steps: int) -> None:
        """Raises BrokenTableError at the first reader that sees what it must not."""
        for _ in range(steps):
            self._step()
            self._look()
        for process in self._processes:
            while not process.is_done:
                process.step()
                self._look()
        self._processes = []
        self._publish()
        self._least = self._latest()
        self._look()

    def _publish(self) -> None:
        Publisher(self._store, Planner(self._store, self._now)).publish()

    def _step(self) -> None:
        chance = self._rng.random()
        if chance < 0.12:
            self._commit()
        elif chance < 0.25 and len(self._processes) < _MOST_AT_ONCE:
            self._processes.append(PublisherProcess(self._store, self._latest()))
        elif chance < 0.30:
            self._expire()
        elif self._processes:
            process = self._rng.choice(self._processes)
            process.step(self._rng.choice(["before", "after"]) if self._rng.random() < 0.04 else "")
            if process.is_done:
                self._processes.remove(process)
                self._least = max(self._least, process.began_at if process.has_published else -1)

    def _commit(self) -> None:
        """A merge of some dates of a month, on one of its sides: a file of them is new or replaced, others stay."""
        base = self._truth[self._latest()]
        number = base.number + 1
        month, week = f"2013-{self._rng.randint(1, 6):02d}", self._rng.randrange(_WEEKS)
        is_hidden = self._rng.random() < _HIDDEN
        side = dict(base.hidden if is_hidden else base.months)
        entries = {entry.min_flight_date: entry for entry in side.get(month, ())}
        first = dt.date.fromisoformat(f"{month}-01") + dt.timedelta(weeks=week)
        entries[first] = MonthFile(
            name=object_names.month_file(month, base.added_snapshot(month), unique(), is_hidden=is_hidden),
            added_snapshot=number,
            rows=entries[first].rows + 1 if first in entries else 1,
            size=1,
            crc32c=1,
            min_flight_date=first,
            max_flight_date=first + dt.timedelta(days=1),
            max_event_time=dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
        )
        side[month] = tuple(entries[date] for date in sorted(entries))
        shown, hidden = (base.months, side) if is_hidden else (side, base.hidden)
        min_retained = min(max(base.min_retained, number - _RETAINED, 1), max(base.number, 1))
        self._truth[number] = Snapshot(number, min_retained, shown, hidden=hidden)
        self._store.create(object_names.snapshot(number), to_json(self._truth[number]))

    def _expire(self) -> None:
        """What the collector does: not what the latest snapshot retains, nor what the next version is made from."""
        published = min(max(self._delta.commits(), default=0), self._iceberg.newest())
        keep = min(self._truth[self._latest()].min_retained, published)
        for number in range(1, keep):
            self._store.delete(object_names.snapshot(number))

    def _look(self) -> None:
        self._look_at_delta()
        self._look_at_iceberg()

    def _look_at_delta(self) -> None:
        newest = self._delta.newest()
        self._notice("delta", newest)
        if newest < 0:
            return
        hint = self._delta.hint()
        if hint is not None and hint not in set(self._delta.checkpoints()) & set(self._delta.commits()):
            raise BrokenTableError(f"the hint names checkpoint {hint}, which is not there with its commit")
        for begin in {0, hint or 0}:
            self._check_delta(newest, self._delta.read(newest, begin))
        commits = set(self._delta.commits())
        for version in commits | set(self._delta.checkpoints()):
            if (files := self._delta.read(version)) is not None:
                self._check_delta(version, files)
        for version in commits - {0}:  # who is at the version before goes on with this commit
            self._check_delta(version, self._delta.apply(_files(self._truth[version - 1]), version))
        last = max(self._delta.checkpoints(), default=None)
        if not self._is_old and last is not None and last not in commits:  # it is there first if a log begins anew
            raise BrokenTableError(f"checkpoint {last} has no commit")

    def _check_delta(self, version: int, files: frozenset[str] | None) -> None:
        if files != _files(self._truth[version]):
            raise BrokenTableError(f"version {version} is not snapshot {version}")

    def _look_at_iceberg(self) -> None:
        newest = self._iceberg.newest()
        self._notice("iceberg", newest)
        if newest == 0:
            return
        for number in self._iceberg.history(newest):
            is_retained = number >= self._truth[self._latest()].min_retained
            if is_retained and self._iceberg.read(newest, number) != _files(self._truth[number]):
                raise BrokenTableError(f"Iceberg snapshot {number} is not snapshot {number}")

    def _notice(self, table: str, number: int) -> None:
        if number < self._seen[table]:
            raise BrokenTableError(f"{table} went back from {self._seen[table]} to {number}")
        if number < self._least:
            raise BrokenTableError(f"{table} is at {number}, and a run that began at {self._least} has ended")
        self._seen[table] = number

    def _latest(self) -> int:
        return max(self._truth)

    def _now(self) -> dt.datetime:
        self._moment += dt.timedelta(seconds=1)
        return self._moment


def _files(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(entry.name.removeprefix("flights/") for entry in snapshot.shown_files())
