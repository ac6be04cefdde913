"""Which files a merge replaces and which it makes: by date, size, and what still moves."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ingest_writer.compaction.layout import DateSize, Layout, Part, Rewrite, layout_of, rewrite_layout, rewrite_of
from ingest_writer.compaction.model import CompactorOptions
from lakehouse import object_names
from lakehouse.table.snapshot import MonthFile, Snapshot
from tests._support.lakes.compactors import options

NOW = dt.datetime(2013, 1, 31, tzinfo=dt.UTC)
MB = 1_000_000


def day(number: int) -> dt.date:
    return dt.date(2013, 1, number)


def file(first: int, last: int, mb: float = 4, age_h: float = 0, *, hidden: bool = False) -> MonthFile:
    name = object_names.month_file("2013-01", 0, f"{first:032x}", is_hidden=hidden)
    newest = NOW - dt.timedelta(hours=age_h)
    return MonthFile(name, 1, 100, int(mb * MB), 7, day(first), day(last), newest)


def lake(*files: MonthFile) -> Snapshot:
    shown = tuple(each for each in files if not object_names.is_hidden(each.name))
    hidden = tuple(each for each in files if object_names.is_hidden(each.name))
    sides = [{"2013-01": side} if side else {} for side in (shown, hidden)]
    return Snapshot(9, 1, sides[0], frozenset(), sides[1])


def layout(snapshot: Snapshot, *dates: int) -> Layout:
    return layout_of("2013-01", snapshot, set(map(day, dates)), made_with())


def made_with() -> CompactorOptions:
    return options(Path())


def parts(layout: Layout, *dates: int, mb: float = 4, hidden: bool = False) -> list[tuple[int, int]]:
    made = layout.parts([DateSize(day(each), mb * MB) for each in dates], is_hidden=hidden)
    return [(part.first.day, part.last.day) for part in made]


def test_the_files_of_the_tails_dates_are_replaced_on_both_sides_and_no_others() -> None:
    shown, hidden = [file(1, 9), file(10, 10), file(11, 20)], [file(5, 12, hidden=True), file(13, 14, hidden=True)]
    assert layout(lake(*shown, *hidden), 10).replaced == {shown[1], hidden[0]}
    assert layout(lake(*shown, *hidden), 21).replaced == frozenset()


def test_a_file_of_an_older_format_is_replaced_whatever_its_dates() -> None:
    old = dataclasses.replace(file(1, 9), format_version=1)
    assert layout(lake(old, file(10, 10)), 20).replaced == {old}


def test_a_month_that_is_loaded_at_once_is_one_file_or_few() -> None:
    assert parts(layout(lake(), *range(1, 32)), *range(1, 32), mb=0.2) == [(1, 31)]
    assert parts(layout(lake(), *range(1, 32)), *range(1, 32), mb=4.7) == [(1, 13), (14, 26), (27, 31)]


def test_a_day_that_moves_gets_a_file_of_its_own() -> None:
    assert parts(layout(lake(file(1, 20)), 10), *range(1, 21)) == [(1, 9), (10, 10), (11, 20)]
    assert parts(layout(lake(file(1, 20)), 20, 21), *range(1, 22), mb=3) == [(1, 19), (20, 20), (21, 21)]


def test_days_that_move_share_a_file_while_it_is_small() -> None:
    moving = layout(lake(file(1, 5, mb=1)), 1, 2, 3, 4, 5)
    assert parts(moving, 1, 2, 3, 4, 5, mb=0.2) == [(1, 5)]
    assert parts(moving, 1, 2, 3, 4, 5, mb=0.4) == [(1, 2), (3, 4), (5, 5)]


def test_a_late_event_of_a_day_at_rest_does_not_split_its_file() -> None:
    snapshot = lake(file(1, 20, age_h=49), file(30, 30))
    assert parts(layout(snapshot, 10), *range(1, 21), mb=1) == [(1, 20)]


def test_no_file_reaches_over_one_that_stays() -> None:
    assert parts(layout(lake(file(10, 12)), 9, 13), 9, 13, mb=0.1) == [(9, 9), (13, 13)]
    hidden = lake(file(10, 12, hidden=True))
    assert parts(layout(hidden, 9, 13), 9, 13, mb=0.1) == [(9, 13)]
    assert parts(layout(hidden, 9, 13), 9, 13, mb=0.1, hidden=True) == [(9, 9), (13, 13)]


def rewrite(*files: MonthFile) -> Sequence[MonthFile] | None:
    found = rewrite_of("2013-01", lake(*files, file(31, 31)), made_with())
    return None if found is None else sorted(found.files, key=lambda each: each.min_flight_date)


def test_neighbours_at_rest_are_joined_into_one_file() -> None:
    rest, young = [file(1, 9, 40, 49), file(10, 10, 4, 49)], file(11, 11, 4, 47)
    assert rewrite(*rest, young) == rest
    assert rewrite(rest[0], young) is None
    assert rewrite(rest[0], file(10, 10, 30, 49)) is None  # beyond 64 MB
    assert rewrite(file(1, 9, 63, 49), file(10, 10, 4, 49), file(11, 11, 4, 49)) == [
        file(10, 10, 4, 49),
        file(11, 11, 4, 49),
    ]
    assert rewrite(file(1, 1, 1, 49), file(2, 2, 1, 47), file(3, 3, 1, 49)) is None  # no neighbours


def test_hidden_files_are_joined_too_and_a_join_makes_one_file() -> None:
    hidden = [file(1, 1, 40, 49, hidden=True), file(2, 2, 20, 49, hidden=True)]
    assert rewrite(*hidden) == hidden
    joined = rewrite_layout(Rewrite("2013-01", frozenset(hidden), is_join=True), lake(*hidden), made_with())
    sizes = [DateSize(day(1), 40 * MB), DateSize(day(2), 30 * MB)]  # more than it seemed
    assert joined.parts(sizes, is_hidden=True) == [Part(day(1), day(2))]


@given(st.data())
def test_the_files_of_a_side_are_disjoint_whatever_is_merged(data: st.DataObject) -> None:
    """Of any month, with any tail: each date with rows is in one file, and files do not overlap."""
    cuts = data.draw(st.lists(st.integers(1, 31), unique=True, max_size=8).map(sorted))
    ranges = [(first, last - 1) for first, last in pairwise(cuts) if data.draw(st.booleans())]
    base = [file(first, last, age_h=data.draw(st.sampled_from([0, 49]))) for first, last in ranges]
    tail = data.draw(st.sets(st.integers(1, 31), min_size=1))
    made = layout(lake(*base), *tail)
    there = {d for each in made.replaced for d in range(each.min_flight_date.day, each.max_flight_date.day + 1)}
    sizes = [DateSize(day(d), data.draw(st.sampled_from([0.1, 2.0])) * MB) for d in sorted(there | tail)]
    new = [(part.first, part.last) for part in made.parts(sizes, is_hidden=False)]
    kept = [(each.min_flight_date, each.max_flight_date) for each in made.kept(is_hidden=False)]
    assert all(before[1] < after[0] for before, after in pairwise(sorted(new + kept)))
    assert all(sum(first <= size.date <= last for first, last in new) == 1 for size in sizes)
