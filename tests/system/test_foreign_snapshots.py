"""An identity that may only create objects adds foreign snapshots: nothing is deleted, and services name them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.compaction.garbage_collector import Collected, GarbageCollector
from ingest_writer.compaction.history import History
from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.client.connection import connect_store
from lakehouse.errors import ForeignSnapshotError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import MAX_BYTES, MonthFile, Snapshot, to_json
from tests._support.api.in_process import serving
from tests._support.events.builders import ids
from tests._support.lakes.compactors import (
    START,
    Clock,
    MeddlingStore,
    commit_often,
    compactor,
    latest,
    numbers,
    problems,
)
from tests._support.lakes.rows import commit, land, put_month, row, table, unique

HIGHEST = "snapshots/99999999999999999999.json"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MemoryStore:
    """Five commits of two months, ten minutes apart, all retained; three landed files in the tail."""
    clock = Clock()
    lake = MemoryStore(clock)
    retaining = compactor(lake, tmp_path_factory.mktemp("made"), retention_s=1e9)
    commit_often(lake, clock, retaining, 5, 600, ("2013-01-01", "2013-02-01"))
    for number in (6, 7, 8):
        land(lake, [row(number=number)])
    return lake


@pytest.fixture(scope="module")
def databases(made: MemoryStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a first connection makes for all later ones, of whatever lake."""
    folder = tmp_path_factory.mktemp("connected")
    for number in (None, 5):
        connect_store(made, lambda: START, folder, 1 << 30, number).close()
    return folder / "made"


@pytest.fixture
def store(clock: Clock, made: MemoryStore) -> MemoryStore:
    """The same objects, created at the same times; the clock is at the last."""
    lake = MemoryStore(clock)
    for info in sorted(made.list(""), key=lambda each: each.created):
        clock.now = info.created
        lake.create(info.name, made.read(info.name))
    return lake


def names(store: MemoryStore) -> set[str]:
    return {info.name for info in store.list("")}


def collect(store: MemoryStore) -> Collected:
    """As a process does that has never seen this lake before."""
    return GarbageCollector(store, Planner(store, lambda: START), 0.0, 4).collect()


def create_foreign(store: MemoryStore, number: int, base: Snapshot, **changes: Any) -> str:
    snapshot = dataclasses.replace(base, number=number, **changes)
    store.create(object_names.snapshot(number), to_json(snapshot))
    return object_names.snapshot(number)


def tail(store: MemoryStore) -> frozenset[str]:
    return frozenset(info.name for info in store.list(object_names.LANDING))


Files = tuple[MonthFile, ...]


def added_in(entries: Files, number: int) -> Files:
    return tuple(dataclasses.replace(entry, added_snapshot=number) for entry in entries)


def a_high_number(store: MemoryStore, base: Snapshot) -> str:
    months = {month: added_in(entry, 1000) for month, entry in base.months.items()}
    return create_foreign(store, 1000, base, min_retained=1000, months=months, absorbed=tail(store))


def a_high_number_with_a_chain_below(store: MemoryStore, base: Snapshot) -> str:
    for number in range(995, 1000):
        create_foreign(store, number, base, min_retained=995)
    return create_foreign(store, 1000, base, min_retained=995, absorbed=tail(store))


def the_next_number_that_gives_up_all_before(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, min_retained=6)


def the_next_number_that_absorbs_the_tail(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, absorbed=tail(store))


def the_next_numbers_that_hide_their_first(store: MemoryStore, base: Snapshot) -> str:
    """The one that absorbs is given up by the last, which differs from it in nothing."""
    name = create_foreign(store, 6, base, absorbed=tail(store))
    for number in (7, 8):
        create_foreign(store, number, base, min_retained=7 if number == 8 else 6, absorbed=tail(store))
    return name


def an_added_snapshot_above_the_number(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, months={m: added_in(e, 10**6) for m, e in base.months.items()})


def an_added_snapshot_of_its_own(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, months={m: added_in(e, 6) for m, e in base.months.items()})


def a_month_less(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, months={"2013-01": base.months["2013-01"]})


def a_month_with_fewer_rows(store: MemoryStore, base: Snapshot) -> str:
    entry = put_month(store, [row()], added_snapshot=6, name_since=base.added_snapshot("2013-01"))
    return create_foreign(store, 6, base, months={**base.months, "2013-01": (entry,)}, absorbed=tail(store))


def a_month_built_from_nothing(store: MemoryStore, base: Snapshot) -> str:
    entry = put_month(store, [row(number=n) for n in range(1, 20)], added_snapshot=6)
    return create_foreign(store, 6, base, months={**base.months, "2013-01": (entry,)}, absorbed=tail(store))


def no_months_at_all(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, months={}, absorbed=tail(store))


def a_lower_min_retained(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, min_retained=0)


def forged(store: MemoryStore, base: Snapshot) -> dict[str, Files]:
    """Entries as a commit on top of `base` makes them, of month files that nobody has made."""
    return {
        month: added_in(
            (dataclasses.replace(entry, name=object_names.month_file(month, entry.added_snapshot, unique())),), 6
        )
        for month, (entry,) in base.months.items()
    }


def months_that_do_not_exist(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, 6, base, months=forged(store, base), absorbed=base.absorbed | tail(store))


def months_of_other_bytes(store: MemoryStore, base: Snapshot) -> str:
    months = forged(store, base)
    for (entry,) in months.values():
        store.create(entry.name, b"something else")
    return create_foreign(store, 6, base, months=months, absorbed=base.absorbed | tail(store))


def months_that_do_not_exist_and_successors(store: MemoryStore, base: Snapshot) -> str:
    """The last one is to blame, whose months are not there; those between differ in nothing."""
    months, absorbed = forged(store, base), base.absorbed | tail(store)
    create_foreign(store, 6, base, months=months, min_retained=5, absorbed=absorbed)
    for number in range(7, 20):
        name = create_foreign(store, number, base, months=months, min_retained=number - 1, absorbed=absorbed)
    return name


def a_number_without_room(store: MemoryStore, base: Snapshot) -> str:
    return create_foreign(store, object_names.MAX_SNAPSHOT, base)


def a_number_beyond_all(store: MemoryStore, base: Snapshot) -> str:
    store.create(HIGHEST, b"{}")
    return HIGHEST


def garbage(store: MemoryStore, data: bytes) -> str:
    store.create(object_names.snapshot(6), data)
    return object_names.snapshot(6)


def no_json(store: MemoryStore, _: Snapshot) -> str:
    return garbage(store, b"hello")


def nothing(store: MemoryStore, _: Snapshot) -> str:
    return garbage(store, b"")


def a_deep_one(store: MemoryStore, _: Snapshot) -> str:
    return garbage(store, b"[" * 100_000)


def one_of_another_number(store: MemoryStore, base: Snapshot) -> str:
    return garbage(store, to_json(base))


def a_large_one(store: MemoryStore, base: Snapshot) -> str:
    return garbage(store, to_json(dataclasses.replace(base, number=6)) + b" " * MAX_BYTES)


FOREIGN_SNAPSHOTS = (
    a_high_number,
    a_high_number_with_a_chain_below,
    the_next_number_that_gives_up_all_before,
    the_next_number_that_absorbs_the_tail,
    the_next_numbers_that_hide_their_first,
    an_added_snapshot_above_the_number,
    an_added_snapshot_of_its_own,
    a_month_less,
    a_month_with_fewer_rows,
    a_month_built_from_nothing,
    no_months_at_all,
    a_lower_min_retained,
    months_that_do_not_exist,
    months_of_other_bytes,
    months_that_do_not_exist_and_successors,
    no_json,
    nothing,
    a_deep_one,
    one_of_another_number,
    a_large_one,
    a_number_without_room,
    a_number_beyond_all,
)
ONLY_COLLECTORS_SEE = (
    the_next_numbers_that_hide_their_first,
    months_that_do_not_exist,
    months_of_other_bytes,
    months_that_do_not_exist_and_successors,
)
"""The others compare the latest with the one before it; they do not list month files."""


@pytest.mark.parametrize("create", FOREIGN_SNAPSHOTS, ids=lambda create: create.__name__)
def test_nothing_is_deleted_by_a_foreign_snapshot(
    create: Callable[[MemoryStore, Snapshot], str], store: MemoryStore, clock: Clock
) -> None:
    name = create(store, latest(store))
    clock.advance(1e6)
    before = names(store)
    with pytest.raises(ForeignSnapshotError) as refused:
        collect(store)
    assert names(store) == before
    assert "foreign-snapshot" in str(refused.value)
    assert refused.value.name == name or "missing" in refused.value.why
    store.delete(refused.value.name)  # as the runbook says, until a run goes through
    for number in numbers(store):
        if number > 5:
            store.delete(object_names.snapshot(number))
    collect(store)
    assert problems(store) == ()
    assert numbers(store) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "create",
    [each for each in FOREIGN_SNAPSHOTS if each not in ONLY_COLLECTORS_SEE],
    ids=lambda create: create.__name__,
)
def test_no_compactor_builds_on_a_foreign_snapshot(
    create: Callable[[MemoryStore, Snapshot], str], store: MemoryStore, tmp_path: Path
) -> None:
    create(store, latest(store))
    before = names(store)
    with pytest.raises(ForeignSnapshotError):
        compactor(store, tmp_path).compact()
    assert names(store) == before


@pytest.mark.parametrize(
    "create",
    [each for each in FOREIGN_SNAPSHOTS if each not in ONLY_COLLECTORS_SEE],
    ids=lambda create: create.__name__,
)
def test_a_reader_that_starts_after_a_plant_answers_nothing(
    create: Callable[[MemoryStore, Snapshot], str], store: MemoryStore, tmp_path: Path, databases: Path
) -> None:
    create(store, latest(store))
    shutil.copytree(databases, tmp_path / "made")
    for number in (None, 5):
        with pytest.raises(ForeignSnapshotError, match="foreign-snapshot"):
            connect_store(store, lambda: START, tmp_path, 1 << 30, number)
    assert not list((tmp_path / "sessions").iterdir())
    assert not list(tmp_path.rglob("*.parquet"))


def test_an_api_that_starts_after_a_plant_answers_nothing_and_says_why(store: MemoryStore) -> None:
    base = latest(store)
    for plant_one in (
        no_months_at_all,
        no_json,
        the_next_number_that_absorbs_the_tail,
        a_high_number_with_a_chain_below,
    ):
        plant_one(store, base)
        foreign = [number for number in numbers(store) if number > 5]
        with serving(store) as api:
            for path in ("/v1/stats", "/v1/stats?snapshot=5", "/v1/lake"):
                refused = api.get(path)
                assert refused.status_code == 503
                assert object_names.snapshot(max(foreign)) in refused.json()["detail"]
                assert "foreign-snapshot" in refused.json()["detail"]
        for number in foreign:
            store.delete(object_names.snapshot(number))
    with serving(store) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 13


def test_a_reader_that_missed_commits_refuses_what_does_not_follow_them(store: MemoryStore, tmp_path: Path) -> None:
    planner = Planner(store, lambda: START)
    base = planner.latest_snapshot()
    compactor(store, tmp_path).compact()
    made = latest(store)
    create_foreign(store, 7, made)
    name = create_foreign(store, 8, made, absorbed=frozenset({land(store, [row("2013-03-01")])}))
    with pytest.raises(ForeignSnapshotError, match=f"{name}: .*whose date has not changed"):
        planner.latest_snapshot()
    store.delete(name)
    assert (base.number, planner.latest_snapshot().number) == (5, 7)
    for number in (8, 9):
        name = create_foreign(store, number, made, months={})
    with pytest.raises(ForeignSnapshotError, match=f"{name}: .*month 2013-01 of snapshot 7 is not in it"):
        planner.latest_snapshot()


def test_a_thousand_foreign_successors_make_no_snapshot_go_that_retention_keeps(
    store: MemoryStore, clock: Clock
) -> None:
    base = latest(store)
    for number in range(6, 1008):
        create_foreign(store, number, base, min_retained=number - 1)
    before = names(store)
    planner = Planner(store, lambda: START)
    cautious = GarbageCollector(store, planner, 0.0, 4, retention_s=86_400.0)
    assert cautious.collect() == Collected(0, 10, 0)  # what real commits had absorbed
    assert before - names(store) == {n for n in before if n.startswith(object_names.LANDING)} - tail(store)
    assert names(store) >= {object_names.snapshot(number) for number in range(1, 6)}


def test_a_snapshot_whose_month_file_was_made_after_it_is_not_collected_by(store: MemoryStore, clock: Clock) -> None:
    base = latest(store)
    clock.advance(3600)
    late = put_month(store, [row(number=n) for n in range(1, 9)], 6, base.added_snapshot("2013-01"))
    store.delete(late.name)
    name = create_foreign(
        store, 6, base, months={**base.months, "2013-01": (late,)}, absorbed=base.absorbed | tail(store)
    )
    clock.advance(3600)
    store.create(late.name, to_parquet(table([row(number=n) for n in range(1, 9)])))
    before = names(store)
    with pytest.raises(ForeignSnapshotError, match=f"{name}: .*which was created after it"):
        collect(store)
    assert names(store) == before


def test_a_month_file_that_was_lost_stops_the_collector_until_it_is_back(store: MemoryStore, clock: Clock) -> None:
    lost = latest(store).months["2013-01"][0].name
    data = store.read(lost)
    store.delete(lost)
    before = names(store)
    with pytest.raises(ForeignSnapshotError, match=f"{lost}, which is not there"):
        collect(store)
    assert names(store) == before
    store.create(lost, data)
    planner = Planner(store, lambda: START)
    with pytest.raises(ForeignSnapshotError, match="created after it"):
        collect(store)
    trusting = GarbageCollector(store, planner, 0.0, 4, history=History(store, planner, trusted=5))
    assert trusting.collect().landed_files > 0  # somebody looked, and said so


def test_a_large_object_is_not_read_for_a_snapshot(store: MemoryStore) -> None:
    name = a_large_one(store, latest(store))
    meddling = MeddlingStore(store)
    with pytest.raises(ForeignSnapshotError, match=f"{name}: .* at most 100000000"):
        Planner(meddling, lambda: START).latest_snapshot()
    assert meddling.called("read", "") == []


def test_a_process_that_knows_the_lake_sees_a_jump_at_once(clock: Clock, tmp_path: Path) -> None:
    """No clock is needed where the last snapshot was seen before, and is still there without a successor."""
    store = MemoryStore(clock)
    made = compactor(store, tmp_path)
    for number in (1, 2):
        land(store, [row(number=number)])
        made.compact()
    made.compact()
    base = latest(store)
    for number in (99, 100):
        create_foreign(store, number, base, min_retained=98)
    create_foreign(store, 98, base, min_retained=97)
    before = names(store)
    with pytest.raises(ForeignSnapshotError, match="snapshot 3 is missing between 2 and it"):
        made.compact()
    assert names(store) == before


def test_the_first_snapshot_of_a_lake_can_be_foreign_too(clock: Clock, tmp_path: Path) -> None:
    lake = MemoryStore(clock)
    name = land(lake, [row()])
    clock.advance(1e6)
    commit(lake, 1, [], absorbed=[name])
    with pytest.raises(ForeignSnapshotError, match="whose date has not changed"):
        collect(lake)
    with pytest.raises(ForeignSnapshotError):
        compactor(lake, tmp_path).compact()
    assert name in names(lake)


def test_snapshots_created_backwards_stop_compactors_and_collectors(clock: Clock, tmp_path: Path) -> None:
    lake = MemoryStore(clock)
    january = put_month(lake, [row()], added_snapshot=2)
    february = put_month(lake, [row("2013-02-01")], added_snapshot=3)
    name = land(lake, [row()])
    commit(lake, 3, [january, february], absorbed=[name], min_retained=2)
    clock.advance(3600)
    commit(lake, 2, [january], absorbed=[name])
    with pytest.raises(ForeignSnapshotError, match="created before"):
        collect(lake)
    with pytest.raises(ForeignSnapshotError, match="created before"):
        compactor(lake, tmp_path).compact()
    assert name in names(lake)
    planner = Planner(lake, lambda: START)
    trusting = GarbageCollector(lake, planner, -1e6, 4, history=History(lake, planner, trusted=3))
    assert trusting.collect().landed_files == 1  # somebody looked, and said so


def test_snapshots_that_retention_still_keeps_stay_whatever_the_latest_says(
    store: MemoryStore, clock: Clock, tmp_path: Path
) -> None:
    """A compactor with another retention is no attack: its choice waits until ours would have made it."""
    compactor(store, tmp_path, retention_s=0.0).compact()
    assert latest(store).min_retained == 5
    planner = Planner(store, lambda: START)
    cautious = GarbageCollector(store, planner, 0.0, 4, retention_s=1500.0)
    assert cautious.collect().snapshots == 2  # those followed by another for 25 minutes
    assert numbers(store) == [3, 4, 5, 6]
    assert problems(store) == ()
    assert collect(store).snapshots == 2


def test_expired_snapshots_are_deleted_from_the_lowest_on_and_none_above_a_failure(
    store: MemoryStore, tmp_path: Path
) -> None:
    compactor(store, tmp_path, retention_s=0.0).compact()
    meddling = MeddlingStore(store)

    def fail(name: str) -> None:
        if name == object_names.snapshot(2):
            raise OSError("storage")

    for _ in range(4):
        meddling.before("delete", object_names.SNAPSHOTS, fail)
    with pytest.raises(OSError, match="storage"):
        GarbageCollector(meddling, Planner(meddling, lambda: START), 0.0, 4).collect()
    assert numbers(store) == [2, 3, 4, 5, 6]
    collect(store)
    assert numbers(store) == [5, 6]


def test_a_number_without_room_above_it_is_refused_by_everybody(store: MemoryStore, tmp_path: Path) -> None:
    store.create(HIGHEST, b"{}")
    now: Callable[[], dt.datetime] = lambda: START  # noqa: E731
    events = tmp_path / "events.ndjson"
    events.write_text("{}\n")
    before = names(store)
    doings: dict[str, Callable[[], object]] = {
        "compact": lambda: compactor(store, tmp_path).compact(),
        "load": lambda: Loader(store, compactor(store, tmp_path), ids(), tmp_path).load([events], START),
        "collect": lambda: collect(store),
        "plan": lambda: Planner(store, now).plan(),
        "connect": lambda: connect_store(store, now, tmp_path, 1 << 20),
    }
    for doing in doings.values():
        with pytest.raises(ForeignSnapshotError, match=f"{HIGHEST}: is no snapshot .*numbers end .*foreign-snapshot"):
            doing()
    assert names(store) == before
    assert [problem for problem in problems(store) if problem.startswith(f"{HIGHEST}: is no snapshot")]
    store.delete(HIGHEST)
    compactor(store, tmp_path).compact()


def test_the_last_number_is_refused_as_a_base_and_can_be_read(store: MemoryStore, tmp_path: Path) -> None:
    base = latest(store)
    name = object_names.snapshot(object_names.MAX_SNAPSHOT)
    for number in (object_names.MAX_SNAPSHOT - 1, object_names.MAX_SNAPSHOT):
        create_foreign(store, number, base, min_retained=object_names.MAX_SNAPSHOT - 1)
    for number in range(1, 6):
        store.delete(object_names.snapshot(number))
    before = names(store)
    events = tmp_path / "events.ndjson"
    events.write_text("{}\n")
    for trusted in (0, object_names.MAX_SNAPSHOT - 1):
        made = compactor(store, tmp_path, trusted_snapshot=trusted)
        with pytest.raises(ForeignSnapshotError, match=f"{name}: .*none can follow it"):
            made.compact()
        with pytest.raises(ForeignSnapshotError, match=f"{name}: .*none can follow it"):
            Loader(store, made, ids(), tmp_path).load([events], START)
    assert names(store) == before
    assert f"{name}: numbers end at 999999999: no commit can follow it" in problems(store)
    assert latest(store).number == object_names.MAX_SNAPSHOT


def test_the_api_names_a_foreign_snapshot_and_answers_nothing_from_it(store: MemoryStore) -> None:
    with serving(store) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 13
        for plant_one in (a_month_less, a_number_beyond_all):
            name = plant_one(store, latest(store))
            refused = api.get("/v1/stats")
            assert (refused.status_code, name in refused.json()["detail"]) == (503, True)
            store.delete(name)
