"""What is deleted, in which order, and above all what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import Collected, GarbageCollector
from lakehouse import object_names
from lakehouse.errors import ObjectMissingError, StoreUnavailableError, UnreadableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from tests._support.lakes.compactors import (
    START,
    Clock,
    MeddlingStore,
    commit_often,
    compactor,
    latest,
    numbers,
    problems,
    snapshot,
    table_rows,
)
from tests._support.lakes.rows import commit, land, put_month, row

GRACE_S = 600.0


def collector(store: Store, delete_grace_s: float = GRACE_S) -> GarbageCollector:
    return GarbageCollector(store, Planner(store, lambda: START), delete_grace_s, deletes_at_once=4)


def listed(store: Store, prefix: str) -> set[str]:
    return {info.name for info in store.list(prefix)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def made(store: MemoryStore, tmp_path: Path) -> Compactor:
    """Retains nothing but the base and the new snapshot, so that there is something to collect."""
    return compactor(store, tmp_path, retention_s=0.0)


# -- nothing to do ---------------------------------------------------------------------------------------------


def test_an_empty_lake_and_one_without_snapshots_are_left_alone(store: MemoryStore) -> None:
    assert collector(store).collect() == Collected(0, 0, 0)
    land(store, [row()])
    put_month(store, [row()], added_snapshot=1)
    assert collector(store, delete_grace_s=0.0).collect() == Collected(0, 0, 0)
    assert len(listed(store, "")) == 2


# -- what the outside tables need ------------------------------------------------------------------------------


def test_what_the_next_version_is_made_from_is_kept(store: MemoryStore, clock: Clock, made: Compactor) -> None:
    commit_often(store, clock, made, 6, 1000)
    collector(store).collect(published=3)
    assert numbers(store) == [3, 4, 5, 6]
    assert all(snapshot(store, number).months["2013-01"][0].name in listed(store, "flights/") for number in range(3, 7))
    collector(store).collect(published=6)
    assert numbers(store) == [5, 6]


def test_tables_that_are_never_published_keep_no_more_than_a_number_of_snapshots(
    store: MemoryStore, clock: Clock, made: Compactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_writer.compaction.garbage_collector.MAX_RETAINED", 4)
    commit_often(store, clock, made, 7, 1000)
    collector(store).collect(published=0)
    assert numbers(store) == [4, 5, 6, 7]


# -- snapshots, and the order ----------------------------------------------------------------------------------


def test_snapshots_below_min_retained_are_deleted_and_the_rest_stays(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    commit_often(store, clock, made, 5, 1000)
    assert latest(store).min_retained == 4
    assert collector(store).collect().snapshots == 3
    assert numbers(store) == [4, 5]


def test_snapshots_go_before_landed_files_and_these_before_month_files(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    commit_often(store, clock, made, 5, 1000)
    spy = MeddlingStore(store)
    collected = collector(spy).collect()
    assert collected == Collected(snapshots=3, landed_files=4, month_files=3)
    folders = [name.split("/")[0] for name in spy.called("delete", "")]
    assert folders == ["snapshots"] * 3 + ["landing"] * 4 + ["flights"] * 3


def test_no_month_file_is_deleted_when_deleting_a_snapshot_fails(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    commit_often(store, clock, made, 5, 1000)
    failing = MeddlingStore(store)

    def fail(name: str) -> None:
        raise StoreUnavailableError(name)

    failing.before("delete", object_names.SNAPSHOTS, fail)
    with pytest.raises(StoreUnavailableError):
        collector(failing).collect()
    assert not failing.called("delete", object_names.FLIGHTS)
    assert not failing.called("delete", object_names.LANDING)
    collector(store).collect()  # the next run does what was left
    assert numbers(store) == [4, 5]


def test_a_second_collection_has_nothing_to_do(store: MemoryStore, clock: Clock, made: Compactor) -> None:
    commit_often(store, clock, made, 5, 1000)
    each = collector(store)
    each.collect()
    assert each.collect() == Collected(0, 0, 0)
    assert problems(store) == ()
    assert [r["flight_number"] for r in table_rows(store)] == [1, 2, 3, 4, 5]


# -- landed files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "is_kept"), [(0, True), (599, True), (600, False), (10_000, False)])
def test_an_absorbed_file_goes_when_it_is_older_than_the_grace_by_the_stores_clock(
    age_s: float, is_kept: bool, store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    name = land(store, [row()])
    clock.advance(age_s)
    made.compact()
    collected = collector(store).collect()
    assert (name in listed(store, object_names.LANDING)) is is_kept
    assert collected.landed_files == (0 if is_kept else 1)


def test_a_landed_file_that_is_not_absorbed_is_never_deleted(store: MemoryStore, clock: Clock, made: Compactor) -> None:
    land(store, [row(number=1)])
    made.compact()
    tail = land(store, [row(number=2)])
    store.create("landing/flight_date=2013-01-01/unrecognized.parquet", b"")
    bad = object_names.landed_file(row()["flight_date"], "f" * 32)
    store.create(bad, b"unreadable")
    clock.advance(1e7)
    land(store, [row("2013-02-01")])
    made_late = collector(store, delete_grace_s=0.0)
    made_late.collect()
    assert listed(store, object_names.LANDING) >= {tail, bad, "landing/flight_date=2013-01-01/unrecognized.parquet"}


def test_a_file_absorbed_only_by_a_snapshot_at_an_expired_number_is_kept(store: MemoryStore, clock: Clock) -> None:
    entry = put_month(store, [row()], added_snapshot=9)
    name = land(store, [row(number=2)])
    commit(store, 8, [], min_retained=7)
    commit(store, 3, [entry], absorbed=[name], min_retained=1)  # created late, below min_retained of the latest
    clock.advance(1e6)
    commit(store, 9, [entry], min_retained=8)
    collected = collector(store, delete_grace_s=0.0).collect()
    assert collected == Collected(snapshots=1, landed_files=0, month_files=0)
    assert listed(store, object_names.LANDING) == {name}


# -- month files -----------------------------------------------------------------------------------------------


def test_a_superseded_month_file_stays_as_long_as_a_retained_snapshot_names_it(
    store: MemoryStore, clock: Clock, tmp_path: Path
) -> None:
    keeping = compactor(store, tmp_path, retention_s=1e9)
    commit_often(store, clock, keeping, 3, 1000)
    assert collector(store).collect().month_files == 0
    assert len(listed(store, object_names.FLIGHTS)) == 3
    for number in (1, 2, 3):
        assert snapshot(store, number).months["2013-01"][0].name in listed(store, object_names.FLIGHTS)


def test_a_month_file_that_changes_nothing_any_more_is_kept_however_old(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    land(store, [row("2012-12-01")])
    made.compact()
    december = latest(store).months["2012-12"][0].name
    commit_often(store, clock, made, 5, 1000)
    collector(store).collect()
    assert december in listed(store, object_names.FLIGHTS)
    assert latest(store).months["2012-12"][0].name == december


@pytest.mark.parametrize(
    ("name_since", "entry_since", "is_kept"),
    [
        (0, 1, False),  # built from nothing, and the month has an entry now
        (4, 5, False),
        (5, 5, True),  # built from the latest entry: its maker may commit it at any time
        (6, 5, True),  # built from something newer than what is seen here
        (0, 0, True),  # the month has no entry: its first file may not be committed yet
    ],
)
def test_an_orphan_is_deleted_only_when_its_maker_can_no_longer_commit_it(
    name_since: int, entry_since: int, is_kept: bool, store: MemoryStore, clock: Clock
) -> None:
    entries = [put_month(store, [row()], added_snapshot=entry_since)] if entry_since else []
    other = put_month(store, [row("2013-02-01")], added_snapshot=7)
    orphan = put_month(store, [row()], added_snapshot=99, name_since=name_since).name
    commit(store, 6, entries, min_retained=5)
    commit(store, 7, [*entries, other], min_retained=6)
    clock.advance(1e9)  # age is no reason
    collected = collector(store, delete_grace_s=0.0).collect()
    assert (orphan in listed(store, object_names.FLIGHTS)) is is_kept
    assert collected.month_files == (0 if is_kept else 1)
    assert {entry.name for entry in [*entries, other]} <= listed(store, object_names.FLIGHTS)


def test_an_orphan_of_an_unknown_create_goes_with_the_next_commit_of_its_month(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    land(store, [row()])
    made.compact()
    orphan = put_month(store, [row(number=9)], added_snapshot=99, name_since=1).name
    collector(store).collect()
    assert orphan in listed(store, object_names.FLIGHTS)
    land(store, [row(number=2)])
    made.compact()
    collector(store).collect()
    assert orphan not in listed(store, object_names.FLIGHTS)


def test_objects_that_are_not_ours_are_never_deleted(store: MemoryStore, clock: Clock, made: Compactor) -> None:
    unrecognized = {
        "flights/readme.txt",
        "flights/flight_month=2013-01/copy.parquet",
        "flights/flight_month=2013-01/00-" + "0" * 32 + ".parquet",
        "snapshots/1.json",
        "snapshots/00000000000000000000.json",
        "snapshots/latest",
        "rejected/date=2013-01-01/" + "0" * 32 + ".parquet",
        object_names.delta_commit(0),
        object_names.DELTA_HINT,
        object_names.iceberg_table(1),
    }
    for name in unrecognized:
        store.create(name, b"")
    commit_often(store, clock, made, 5, 1000)
    collector(store, delete_grace_s=0.0).collect()
    assert unrecognized <= listed(store, "")


# -- doubt -----------------------------------------------------------------------------------------------------


def _two_retained_and_an_old_file(store: MemoryStore) -> str:
    """Snapshot 2 names the old file, 3 the new one; both are retained."""
    old = put_month(store, [row()], added_snapshot=2, name_since=1)
    commit(store, 2, [old], min_retained=2)
    new = put_month(store, [row()], added_snapshot=3, name_since=2)
    commit(store, 3, [new], min_retained=2)
    return old.name


def test_no_month_file_is_deleted_when_a_snapshot_vanishes_while_it_is_read(store: MemoryStore) -> None:
    old = _two_retained_and_an_old_file(store)
    orphan = put_month(store, [row()], added_snapshot=99, name_since=1).name
    vanishing = MeddlingStore(store)

    def vanish(name: str) -> None:
        raise ObjectMissingError(name)

    vanishing.before("read", object_names.snapshot(2), lambda _: None)  # while the latest is looked for
    vanishing.before("read", object_names.snapshot(2), vanish)
    each = collector(vanishing)
    assert each.collect().month_files == 0
    assert {old, orphan} <= listed(store, object_names.FLIGHTS)
    assert each.collect().month_files == 1  # the next run sees clearly
    assert old in listed(store, object_names.FLIGHTS)


def test_no_month_file_is_deleted_when_a_retained_snapshot_cannot_be_read(store: MemoryStore) -> None:
    old = _two_retained_and_an_old_file(store)
    orphan = put_month(store, [row()], added_snapshot=99, name_since=1).name
    store.delete(object_names.snapshot(2))
    store.create(object_names.snapshot(2), b"{}")
    with pytest.raises(UnreadableError):
        collector(store).collect()
    assert {old, orphan} <= listed(store, object_names.FLIGHTS)


def test_no_landed_file_is_deleted_when_the_latest_snapshot_is_gone_from_the_listing(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    name = land(store, [row()])
    clock.advance(1e6)
    made.compact()
    view = MeddlingStore(store)

    def others_go_on(_: str) -> None:
        """Between finding the latest snapshot and listing all of them, it is followed by another and collected."""
        commit(store, 2, [], min_retained=2)
        store.delete(object_names.snapshot(1))

    view.before("list", object_names.SNAPSHOTS, lambda _: None)  # finding it
    view.before("list", object_names.SNAPSHOTS, others_go_on)
    assert collector(view, delete_grace_s=0.0).collect().landed_files == 0
    assert name in listed(store, object_names.LANDING)


def test_a_snapshot_committed_during_a_collection_keeps_its_files(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    commit_often(store, clock, made, 3, 1000)
    racing = MeddlingStore(store)

    def commit_more(_: str) -> None:
        land(store, [row(number=50)])
        made.compact()

    racing.before("list", object_names.FLIGHTS, commit_more)
    collector(racing).collect()
    assert problems(store) == ()
    assert [r["flight_number"] for r in table_rows(store)] == [1, 2, 3, 50]


def test_two_collectors_at_once_delete_the_same_and_nobody_fails(
    store: MemoryStore, clock: Clock, made: Compactor
) -> None:
    commit_often(store, clock, made, 5, 1000)
    racing = MeddlingStore(store)

    def collect_too(_: str) -> None:
        collector(store).collect()

    racing.before("list", object_names.LANDING, collect_too)
    collector(racing).collect()
    assert numbers(store) == [4, 5]
    assert problems(store) == ()
