"""Compactors that meet: conflicts, rebases, expired numbers, and many of them at once."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from lakehouse import object_names
from lakehouse.errors import StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot, to_json
from tests._support.lakes.compactors import (
    START,
    Clock,
    HidingStore,
    MeddlingStore,
    compactor,
    latest,
    month_rows,
    numbers,
    problems,
    random_rows,
    snapshot,
    table_rows,
)
from tests._support.lakes.rows import Row, land, newest, row


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_month_that_nobody_changed_is_kept_and_rebased(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)
    late: list[str] = []

    def commit_another(_: str) -> None:
        """Another compactor absorbs February between this one's merge and its commit."""
        late.append(land(store, [row("2013-02-01")]))
        compactor(HidingStore(store, landed), tmp_path / "other").compact()

    meddling.before("create", object_names.SNAPSHOTS, commit_another)
    landed = land(store, [row("2013-01-01")])
    report = compactor(meddling, tmp_path).compact()
    assert (report.snapshot, report.months, report.rebases) == (2, ["2013-01"], 1)
    assert len(meddling.called("create", object_names.FLIGHTS)) == 1  # January was merged once
    table = latest(store)
    assert {month: table.added_snapshot(month) for month in table.months} == {"2013-01": 2, "2013-02": 1}
    assert table.absorbed == {landed, *late}
    assert problems(store) == ()


def test_a_month_that_somebody_changed_is_merged_again(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)

    def commit_another(_: str) -> None:
        land(store, [row(number=2)])
        compactor(store, tmp_path / "other").compact()
        land(store, [row(number=3)])  # so that something is left for this one

    meddling.before("create", object_names.SNAPSHOTS, commit_another)
    land(store, [row(number=1)])
    report = compactor(meddling, tmp_path).compact()
    assert (report.snapshot, report.rebases, report.absorbed_files) == (2, 1, 1)
    stale, fresh = meddling.called("create", object_names.FLIGHTS)
    assert object_names.parse_month_file(stale) == object_names.MonthFileName("2013-01", 0)
    assert object_names.parse_month_file(fresh) == object_names.MonthFileName("2013-01", 1)
    assert latest(store).months["2013-01"][0].name == fresh
    assert [r["flight_number"] for r in month_rows(store, "2013-01")] == [1, 2, 3]


def test_nothing_is_committed_when_the_other_one_absorbed_everything(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)

    def commit_everything(_: str) -> None:
        compactor(store, tmp_path / "other").compact()

    meddling.before("create", object_names.SNAPSHOTS, commit_everything)
    land(store, [row()])
    report = compactor(meddling, tmp_path).compact()
    assert (report.snapshot, report.absorbed_files, report.pending_files) == (1, 0, 0)
    assert numbers(store) == [1]


def test_a_compactor_that_always_loses_says_so_in_the_end(store: MemoryStore, tmp_path: Path) -> None:
    meddling = MeddlingStore(store)

    def commit_another(_: str) -> None:
        number = latest(store).number + 1
        store.create(object_names.snapshot(number), to_json(Snapshot(number, 1)))

    for _ in range(3):
        meddling.before("create", object_names.SNAPSHOTS, commit_another)
    land(store, [row()])
    with pytest.raises(StoreUnavailableError, match="3 commits lost to others"):
        compactor(meddling, tmp_path, commit_attempts=3).compact()  # as many as are lost
    assert len(meddling.called("create", object_names.FLIGHTS)) == 1  # merged once, rebased ever after


def test_a_snapshot_created_at_an_expired_number_is_no_commit(tmp_path: Path) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    base = compactor(store, tmp_path / "base")
    land(store, [row(number=1)])
    base.compact()
    meddling = MeddlingStore(store)

    def sleep_for_long(_: str) -> None:
        """Others commit past this one's number, retain little, and collect what they do not retain."""
        other = compactor(HidingStore(store, landed), tmp_path / "other", retention_s=0.0)
        collector = GarbageCollector(store, other.planner, delete_grace_s=0.0, deletes_at_once=2)
        for number in range(10, 15):
            clock.advance(60)
            land(store, [row("2013-02-01", number=number)])
            other.compact()
        collector.collect()

    meddling.before("create", object_names.SNAPSHOTS, sleep_for_long)
    landed = land(store, [row(number=2)])
    report = compactor(meddling, tmp_path).compact()
    # Snapshot 2 had been collected, so that its number was free again: it was created, and does not count.
    assert meddling.called("create", object_names.SNAPSHOTS) == [object_names.snapshot(2), object_names.snapshot(7)]
    assert (report.snapshot, report.rebases) == (7, 1)
    assert landed in latest(store).absorbed
    assert [r["flight_number"] for r in table_rows(store)] == [1, 2, 10, 11, 12, 13, 14]
    reused = snapshot(store, 2)
    assert reused.number < latest(store).min_retained


@pytest.mark.parametrize("compactors", [2, 4])
def test_any_number_of_compactors_at_once_end_with_the_exact_answer(compactors: int, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    clock = Clock()
    store = MemoryStore(clock)
    days = ["2012-12-31", "2013-01-01", "2013-01-02", "2013-02-01"]
    everything: list[Row] = []
    lock = threading.Lock()
    landers = _Countdown(2)

    def write(own: random.Random) -> None:
        for _ in range(12):
            day = own.choice(days)
            rows = random_rows(own, 20, 15, [day])
            land(store, rows)
            with lock:
                everything.extend(rows)
                clock.advance(own.random() * 30)
        landers.done()

    def compact(number: int) -> int:
        # Little is retained and nothing has grace, so that collectors delete as much as they ever may.
        mine = compactor(store, tmp_path / str(number), retention_s=20.0, merge_max_files=3)
        collector = GarbageCollector(store, mine.planner, delete_grace_s=0.0, deletes_at_once=2)
        commits = 0
        while True:
            was_last = landers.is_zero()
            commits += _compact_once(mine, collector)
            if was_last and not _tail(store):
                return commits

    with ThreadPoolExecutor(compactors + 2) as pool:
        writers = [pool.submit(write, random.Random(f"{seed}/{n}")) for n in range(2)]
        done = [pool.submit(compact, number) for number in range(compactors)]
        for each in writers:
            each.result()
        commits = sum(each.result() for each in done)
    assert table_rows(store) == newest(everything)
    assert commits == latest(store).number
    assert set(latest(store).absorbed) >= {info.name for info in store.list(object_names.LANDING)}
    history = [snapshot(store, number) for number in numbers(store)]
    assert all(earlier.min_retained <= later.min_retained for earlier, later in itertools.pairwise(history))
    assert problems(store) == ()


class _Countdown:
    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()

    def done(self) -> None:
        with self._lock:
            self._left -= 1

    def is_zero(self) -> bool:
        with self._lock:
            return self._left == 0


def _tail(store: MemoryStore) -> set[str]:
    landed = {info.name for info in store.list(object_names.LANDING)}
    return landed - latest(store).absorbed


def _compact_once(mine: Compactor, collector: GarbageCollector) -> int:
    """One run; 1 when it committed. A commit may be lost to the others often, which only means another run."""
    try:
        report = mine.compact()
    except StoreUnavailableError:
        return 0
    collector.collect()
    return 1 if report.absorbed_files else 0


def test_a_merge_that_takes_long_is_committed_next_to_one_that_is_quick(tmp_path: Path) -> None:
    store = MemoryStore()
    quick = compactor(store, tmp_path / "quick")
    meddling = MeddlingStore(store)

    def february_again(number: int) -> Callable[[str], None]:
        def commit(_: str) -> None:
            land(store, [row("2013-02-01", number=number)])
            compactor(HidingStore(store, january), tmp_path / "other").compact()

        return commit

    for number in range(1, 21):  # the quick month commits twenty times while the slow one tries to
        meddling.before("create", object_names.SNAPSHOTS, february_again(number))
    january = land(store, [row("2013-01-01")])
    report = compactor(meddling, tmp_path).compact()
    assert report.rebases == 20
    assert len(meddling.called("create", object_names.FLIGHTS)) == 1
    assert quick.compact().absorbed_files == 0
    assert len(table_rows(store)) == 21


# -- a number used twice -----------------------------------------------------------------------------------------


class _ReusedNumber:
    """A lake whose snapshot 1 is collected, and made again by a compactor that planned before it.

    Flight 1 is in the history. Flight 2 is acked; the history absorbs it only if `history_has_second`.
    """

    def __init__(self, store: MemoryStore, tmp_path: Path, history_has_second: bool) -> None:
        self.store = store
        self._tmp_path = tmp_path
        self._hidden = () if history_has_second else ("second",)
        self.first, self.second = land(store, [row(number=1)]), land(store, [row(number=2)])
        self._compact("history", self.second)
        GarbageCollector(store, Planner(store, lambda: START), 0.0, 2).collect()  # flight 1 leaves landing
        self.meddling = MeddlingStore(store)
        self.meddling.before("read", object_names.SNAPSHOTS, self._reuse_number)

    def _compact(self, who: str, *hidden: str) -> None:
        compactor(HidingStore(self.store, *hidden), self._tmp_path / who, retention_s=0.0).compact()

    def _reuse_number(self, _: str) -> None:
        hidden = (self.second,) if self._hidden else ()
        for number in (3, 4):
            land(self.store, [row(number=number)])
            self._compact("history", *hidden)
        GarbageCollector(
            self.store, Planner(self.store, lambda: START), 1e9, 2
        ).collect()  # snapshots only: a long grace
        assert numbers(self.store) == [2, 3]
        others = [
            i.name
            for p in (object_names.SNAPSHOTS, object_names.LANDING)
            for i in self.store.list(p)
            if i.name != self.second
        ]
        self._compact("sleeper", self.first, *others)
        assert numbers(self.store) == [1, 2, 3]  # 1 is the sleeper's, not committed, and not what was listed


def test_no_collector_deletes_what_only_a_snapshot_at_an_expired_number_absorbed(
    store: MemoryStore, tmp_path: Path
) -> None:
    reused = _ReusedNumber(store, tmp_path, history_has_second=False)
    GarbageCollector(reused.meddling, Planner(reused.meddling, lambda: START), 0.0, 2).collect()
    assert reused.second in {info.name for info in store.list(object_names.LANDING)}
    compactor(store, tmp_path / "end", retention_s=0.0).compact()
    assert {each["flight_number"] for each in table_rows(store)} == {1, 2, 3, 4}


def test_a_snapshot_at_an_expired_number_is_not_what_a_reader_plans_from(store: MemoryStore, tmp_path: Path) -> None:
    reused = _ReusedNumber(store, tmp_path, history_has_second=True)
    plan = Planner(reused.meddling, lambda: START).plan()
    assert plan.snapshot == latest(store)
    assert plan.snapshot.number == 3
    assert plan.snapshot.months["2013-01"][0].rows == 4
