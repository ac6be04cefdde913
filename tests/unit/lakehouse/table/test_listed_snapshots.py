"""What a listing of snapshots says, and which of them are read."""

from __future__ import annotations

import calendar
import datetime as dt

import google_crc32c
import pytest

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, ObjectMissingError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo
from lakehouse.table.listed_snapshots import by_number, gap_problem, oldest_original, read_listed
from lakehouse.table.snapshot import MAX_ABSORBED, MAX_BYTES, MonthFile, Snapshot, to_json
from tests._support.lakes.rows import commit
from tests._support.lakes.stores import SpyStore

NOON = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)


def listed(**created_min: int) -> dict[int, ObjectInfo]:
    """`_7=5`: snapshot 7 was created five minutes after noon."""
    return {
        int(name[1:]): ObjectInfo(object_names.snapshot(int(name[1:])), 1, 0, NOON + dt.timedelta(minutes=minutes), 1)
        for name, minutes in created_min.items()
    }


def test_other_objects_are_no_snapshots() -> None:
    names = (object_names.snapshot(7), "snapshots/latest", object_names.snapshot(3))
    assert list(by_number(ObjectInfo(name, 1, 0, NOON, 1) for name in sorted(names))) == [3, 7]


def test_a_number_that_is_younger_than_a_later_one_may_have_been_made_again() -> None:
    assert oldest_original(listed(_1=1, _2=3, _3=5)) == 1
    assert oldest_original(listed(_1=30, _7=10, _8=20)) == 7
    assert oldest_original(listed(_1=1, _7=10, _8=20)) == 1
    made_again = listed(_1=30, _7=10, _8=20)
    assert oldest_original(made_again, known=made_again[1]) == 1


def test_numbers_have_no_gap_and_the_one_before_is_retained() -> None:
    assert gap_problem(Snapshot(8, 7), listed(_1=30, _7=1, _8=2), 7) is None
    assert gap_problem(Snapshot(1, 1), listed(_1=1), 1) is None
    assert "snapshot 2 is missing between 1 and it" in str(gap_problem(Snapshot(8, 7), listed(_1=1, _7=2, _8=3), 1))
    assert "snapshot 7 is missing" in str(gap_problem(Snapshot(8, 7), listed(_8=3), 7))
    assert "gives up what it was made from" in str(gap_problem(Snapshot(8, 8), listed(_8=3), 8))


def test_an_object_that_is_larger_than_a_snapshot_can_be_is_not_read(memory: MemoryStore) -> None:
    name = object_names.snapshot(1)
    memory.create(name, b" " * (MAX_BYTES + 1))
    spy = SpyStore(memory)
    [info] = memory.list(name)
    with pytest.raises(
        ForeignSnapshotError, match=f"{name}: .*it has 100000001 bytes; a snapshot has at most 100000000"
    ):
        read_listed(spy, info)
    assert spy.calls == []


def test_other_bytes_under_the_listed_name_are_not_what_was_listed(memory: MemoryStore) -> None:
    made = commit(memory, 1, [])
    [info] = memory.list(object_names.snapshot(1))
    assert read_listed(memory, info) == made
    with pytest.raises(ObjectMissingError):
        read_listed(memory, info._replace(crc32c=google_crc32c.value(b"before")))


def test_the_largest_snapshot_of_ours_is_within_the_bound() -> None:
    """Two files of every date, and as many landed files as a compactor lets a snapshot name."""
    sides: tuple[dict[str, tuple[MonthFile, ...]], ...] = ({}, {})
    for year in range(1980, 2101):
        for number in range(1, 13):
            month, newest = f"{year}-{number:02d}", dt.datetime(year, number, 28, 23, 59, 59, 999_999, tzinfo=dt.UTC)
            days = [dt.date(year, number, day) for day in range(1, 1 + calendar.monthrange(year, number)[1])]
            for is_hidden, side in enumerate(sides):
                name = object_names.month_file(month, object_names.MAX_SNAPSHOT, "f" * 32, is_hidden=bool(is_hidden))
                last, size = object_names.MAX_SNAPSHOT, 1 << 40
                side[month] = tuple(MonthFile(name, last, size, size, 1 << 31, day, day, newest) for day in days)
    absorbed = frozenset(object_names.landed_file(dt.date(2100, 12, 31), f"{n:032x}") for n in range(MAX_ABSORBED))
    largest = Snapshot(object_names.MAX_SNAPSHOT, object_names.MAX_SNAPSHOT - 1, sides[0], absorbed, sides[1])
    assert len(to_json(largest)) < 0.95 * MAX_BYTES
