"""What a commit can make of a snapshot, and what it cannot."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from lakehouse import object_names
from lakehouse.table.lineage import commit_problem, descent_problem
from lakehouse.table.snapshot import EMPTY, MonthFile, Snapshot

_DAY = dt.date(2013, 1, 5)
_LATER = dt.date(2013, 1, 7)


def _entry(number: int, base: int = 0, rows: int = 10, **changes: Any) -> MonthFile:
    name = object_names.month_file("2013-01", base, f"{number:032x}")
    newest = dt.datetime(2013, 1, 5, tzinfo=dt.UTC)
    return dataclasses.replace(MonthFile(name, number, rows, 100, 7, _DAY, _DAY, newest), **changes)


def _snapshot(number: int, entry: MonthFile, min_retained: int = 1, *absorbed: str) -> Snapshot:
    return Snapshot(number, min_retained, {"2013-01": (entry,)}, frozenset(absorbed))


BASE = _snapshot(1, _entry(1))
LANDED = object_names.landed_file(_DAY, "a" * 32)
OTHER = object_names.landed_file(dt.date(2013, 2, 1), "b" * 32)


@pytest.mark.parametrize(
    "made",
    [
        _snapshot(2, _entry(2, 1)),
        _snapshot(2, _entry(2, 1, rows=11), 1, LANDED),
        _snapshot(2, _entry(2, 1, min_flight_date=dt.date(2013, 1, 1))),
        dataclasses.replace(BASE, number=2),  # harmless
    ],
)
def test_a_merge_and_a_rewrite_can_follow(made: Snapshot) -> None:
    assert commit_problem(BASE, made) is None
    assert descent_problem(BASE, made) is None


def test_the_first_commit_follows_the_empty_table() -> None:
    assert commit_problem(EMPTY, _snapshot(1, _entry(1), 1, LANDED)) is None
    assert commit_problem(EMPTY, Snapshot(1, 1, {}, frozenset({LANDED}))) is not None


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_snapshot(3, _entry(3, 1)), "it follows snapshot 1 and is number 3"),
        (_snapshot(2, _entry(2, 1), 2), "its oldest is 2, above"),
        (_snapshot(2, _entry(2, 1), 0), "its oldest is 0, that of snapshot 1 is 1"),
        (_snapshot(2, _entry(1, 1)), "says since 1"),
        (_snapshot(2, _entry(9, 1)), "says since 9"),
        (_snapshot(2, _entry(2, 0)), "was not merged from what"),
        (_snapshot(2, _entry(2, 1, rows=9)), "has 9 rows, in snapshot 1 it had 10"),
        (_snapshot(2, _entry(2, 1, min_flight_date=dt.date(2013, 1, 6))), "fewer dates"),
        (_snapshot(2, _entry(2, 1, max_event_time=dt.datetime(2013, 1, 4, tzinfo=dt.UTC))), "no event as new"),
        (_snapshot(2, _entry(2, 1), 1, OTHER), "whose date has not changed"),
        (_snapshot(2, _entry(1), 1, LANDED), "whose date has not changed"),
        (_snapshot(2, _entry(2, 1), 1, "landing/x"), "whose date has not changed"),
        (Snapshot(2, 1), "month 2013-01 of snapshot 1 is not in it"),
        (_snapshot(2, _entry(2, 1, rows=99, min_flight_date=_LATER, max_flight_date=_LATER)), "2013-01-05 was in"),
        (_snapshot(2, _entry(2, 1), 1, object_names.landed_file(_LATER, "a" * 32)), "whose date has not changed"),
    ],
)
def test_what_no_commit_makes_is_said(made: Snapshot, why: str) -> None:
    assert why in str(commit_problem(BASE, made))


def test_a_flight_may_move_between_the_sides_and_a_date_is_absorbed_by_either() -> None:
    hidden = _entry(2, 1, name=object_names.month_file("2013-01", 1, "f" * 32, is_hidden=True))
    assert commit_problem(BASE, Snapshot(2, 1, {}, frozenset({LANDED}), {"2013-01": (hidden,)})) is None
    split = Snapshot(2, 1, {"2013-01": (_entry(2, 1, rows=9),)}, frozenset(), {"2013-01": (_entry(3, 1, rows=1),)})
    assert "says since 3" in str(commit_problem(BASE, split))


def test_a_commit_may_add_a_file_to_a_month_and_leave_the_others() -> None:
    added = _entry(2, 1, min_flight_date=_LATER, max_flight_date=_LATER)
    made = Snapshot(2, 1, {"2013-01": (*BASE.months["2013-01"], added)})
    assert commit_problem(BASE, made) is None
    assert "has 10 rows, in snapshot 2 it had 20" in str(descent_problem(made, _snapshot(3, _entry(3, 2))))
    again = _snapshot(3, _entry(3, 2, rows=20, max_flight_date=_LATER))
    assert commit_problem(made, again) is None


def test_what_is_kept_over_many_commits_is_compared_too() -> None:
    assert descent_problem(BASE, _snapshot(50, _entry(49, 30), 40)) is None
    assert "rows" in str(descent_problem(BASE, _snapshot(50, _entry(49, 30, rows=1), 40)))
