"""Plans: landing first, then the highest snapshot of a listing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest

from lakehouse import object_names
from lakehouse.errors import SnapshotHistoryLostError, StoreUnavailableError, UnreadableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo
from lakehouse.table.planner import Planner, by_month, list_landing
from lakehouse.table.snapshot import EMPTY
from tests._support.lakes.rows import commit, land, put_month, row
from tests._support.lakes.stores import SpyStore

Now = Callable[[], dt.datetime]


def test_a_new_lake_is_the_empty_snapshot_and_its_tail(memory: MemoryStore, now: Now) -> None:
    name = land(memory, [row()])
    plan = Planner(memory, now).plan()
    assert plan.snapshot == EMPTY
    assert [file.name for file in plan.tail] == [name]
    assert [file.flight_date for file in plan.tail] == [dt.date(2013, 1, 1)]


def test_landing_is_listed_before_the_snapshot_is_looked_for(memory: MemoryStore, now: Now) -> None:
    commit(memory, 1, [])
    spy = SpyStore(memory)
    Planner(spy, now).plan()
    assert spy.calls == [("list", "landing/"), ("list", "snapshots/"), ("read", object_names.snapshot(1))]


def test_the_time_of_a_plan_is_the_start_of_its_landing_listing(memory: MemoryStore, now: Now) -> None:
    looked_at: list[dt.datetime] = []
    spy = SpyStore(memory, before=lambda call, name: looked_at.append(now()))
    plan = Planner(spy, now).plan()
    assert plan.listed_at < min(looked_at)


def test_an_event_that_is_absorbed_between_the_two_listings_is_in_the_plan(memory: MemoryStore, now: Now) -> None:
    landed = land(memory, [row()])
    listed: list[str] = []

    def compact(call: str, name: str) -> None:
        listed.append(name)
        if call == "list" and len(listed) == 2:
            commit(memory, 1, [put_month(memory, [row()], added_snapshot=1)], absorbed=[landed])
            memory.delete(landed)

    plan = Planner(SpyStore(memory, before=compact), now).plan()
    assert list(plan.snapshot.months) == ["2013-01"]
    assert plan.tail == ()


def test_the_latest_snapshot_is_the_highest_name_though_expired_numbers_are_missing(
    memory: MemoryStore, now: Now
) -> None:
    for number in (9, 10, 99, 100, 1, 2):  # the last two by processes that slept
        commit(memory, number, [], min_retained=99 if number == 100 else 1)
    memory.create("snapshots/99999999999999999999.json.tmp", b"not ours")
    memory.create("snapshots/latest", b"not ours")
    assert Planner(memory, now).plan().snapshot.number == 100


def test_a_snapshot_that_is_known_is_not_read_again_and_older_ones_are_not_listed(
    memory: MemoryStore, now: Now
) -> None:
    commit(memory, 1, [])
    starts: list[str] = []

    class Spy(SpyStore):
        def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
            starts.append(start)
            return super().list(prefix, start)

    spy = Spy(memory)
    planner = Planner(spy, now)
    assert planner.plan().snapshot.number == planner.plan().snapshot.number == 1
    assert spy.count("read", object_names.snapshot(1)) == 1
    assert starts == ["", "", "", object_names.snapshot(1)]
    commit(memory, 2, [])
    assert planner.plan().snapshot.number == 2


def test_a_snapshot_collected_between_listing_and_reading_is_looked_for_again(memory: MemoryStore, now: Now) -> None:
    commit(memory, 1, [])

    def collect(call: str, name: str) -> None:
        if (call, name) == ("read", object_names.snapshot(1)):
            commit(memory, 2, [])
            commit(memory, 3, [], min_retained=2)
            memory.delete(name)

    assert Planner(SpyStore(memory, before=collect), now).plan().snapshot.number == 3


def test_a_snapshot_that_is_listed_and_never_there_is_unavailable(memory: MemoryStore, now: Now) -> None:
    class Mirage(SpyStore):
        def read(self, name: str) -> bytes:
            return super().read("snapshots/elsewhere")

    commit(memory, 1, [])
    mirage = Mirage(memory)
    with pytest.raises(StoreUnavailableError, match="5 listings"):
        Planner(mirage, now).plan()
    assert mirage.count("list", object_names.SNAPSHOTS) == 5


@pytest.mark.parametrize("left", [None, 1])
def test_a_history_that_ends_below_what_was_seen_is_lost(memory: MemoryStore, now: Now, left: int | None) -> None:
    commit(memory, 1, [])
    commit(memory, 2, [])
    planner = Planner(memory, now)
    planner.plan()
    memory.delete(object_names.snapshot(2))
    if left is None:
        memory.delete(object_names.snapshot(1))
    with pytest.raises(SnapshotHistoryLostError, match=r"memory://.*snapshot 2 was there"):
        planner.plan()


def test_a_snapshot_larger_than_any_can_be_is_named_and_not_read(
    memory: MemoryStore, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.table.snapshot.MAX_BYTES", 1_000)
    name = object_names.snapshot(1)
    memory.create(name, b" " * 1_001)
    spy = SpyStore(memory)
    with pytest.raises(UnreadableError, match=f"{name}: is no snapshot .* has 1001 bytes; .* at most 1000"):
        Planner(spy, now).plan()
    assert spy.count("read", name) == 0


def test_a_snapshot_that_cannot_be_read_is_named_and_no_older_one_is_used(memory: MemoryStore, now: Now) -> None:
    commit(memory, 1, [])
    memory.create(object_names.snapshot(2), b"{}")
    with pytest.raises(UnreadableError, match=object_names.snapshot(2)):
        Planner(memory, now).plan()


def test_unrecognized_objects_in_landing_are_counted_and_ignored(memory: MemoryStore) -> None:
    name = land(memory, [row()])
    memory.create("landing/readme.txt", b"x")
    memory.create("landing/flight_date=2013-02-30/0123456789abcdef0123456789abcdef.parquet", b"x")
    landing = list_landing(memory)
    assert [file.name for file in landing.files] == [name]
    assert landing.unrecognized == 2


def test_the_tail_is_what_the_snapshot_has_not_absorbed(memory: MemoryStore, now: Now) -> None:
    absorbed, fresh = land(memory, [row()]), land(memory, [row("2013-01-02")])
    entry = put_month(memory, [row()], added_snapshot=1)
    commit(memory, 1, [entry], absorbed=[absorbed])
    plan = Planner(memory, now).plan()
    assert [file.name for file in plan.tail] == [fresh]
    assert plan.names_file(entry.name)
    assert plan.names_file(fresh)
    assert not plan.names_file(absorbed)
    assert not plan.names_file("landing/other")


def test_only_files_with_dates_in_the_range_are_planned(memory: MemoryStore, now: Now) -> None:
    months = [put_month(memory, [row(f"2013-{month:02d}-10"), row(f"2013-{month:02d}-20")], 1) for month in (2, 1, 3)]
    commit(memory, 1, months)
    for day in ("2013-02-09", "2013-02-20", "2013-02-21"):
        land(memory, [row(day)])
    plan = Planner(memory, now).plan()

    def planned(first: str | None, last: str | None) -> tuple[list[int], list[str]]:
        bounds = tuple(None if text is None else dt.date.fromisoformat(text) for text in (first, last))
        return (
            [entry.min_flight_date.month for entry in plan.months_between(*bounds)],
            [f"{file.flight_date:%m-%d}" for file in plan.tail_between(*bounds)],
        )

    assert planned(None, None) == ([1, 2, 3], ["02-09", "02-20", "02-21"])
    assert planned("2013-02-20", None) == ([2, 3], ["02-20", "02-21"])
    assert planned(None, "2013-02-09") == ([1], ["02-09"])
    assert planned("2013-02-20", "2013-02-20") == ([2], ["02-20"])
    assert planned("2013-01-21", "2013-02-08") == ([], [])


def test_landed_files_are_grouped_by_the_month_of_their_flights(memory: MemoryStore) -> None:
    days = ("2013-01-31", "2013-02-01", "2013-02-02")
    for day in days:
        land(memory, [row(day)])
    groups = by_month(list_landing(memory).files)
    assert {month: len(files) for month, files in groups.items()} == {"2013-01": 1, "2013-02": 2}
