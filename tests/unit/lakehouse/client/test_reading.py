"""Which files a connection reads, and how it says so."""

from __future__ import annotations

import datetime as dt

import pytest

from lakehouse.client.reading import Reading, dates_between, files_of, landed_between, reading
from lakehouse.errors import ConfigError
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import ALL_DATES, Dates, Plan, Planner
from tests._support.lakes.rows import commit, land, put_month, row

JULY_4 = Dates(dt.date(2013, 7, 4), dt.date(2013, 7, 4))


@pytest.fixture
def plan(memory: MemoryStore) -> Plan:
    """Two months, an absorbed file and two in the tail."""
    entries = [put_month(memory, [row(day)], 1) for day in ("2013-06-30", "2013-07-04")]
    absorbed = land(memory, [row("2013-07-04")])
    land(memory, [row("2013-07-04")])
    land(memory, [row("2013-07-05")])
    commit(memory, 1, entries, absorbed=[absorbed])
    return Planner(memory, lambda: dt.datetime(2013, 8, 1, tzinfo=dt.UTC)).plan()


def test_the_files_of_a_day_are_its_month_s_and_its_tail_s(plan: Plan) -> None:
    months, tail = files_of(plan, JULY_4)
    assert [file.min_flight_date for file in months] == [JULY_4.first]
    assert [file.flight_date for file in tail] == [JULY_4.first]
    assert len(files_of(plan, ALL_DATES).by_name) == 4


def test_landing_has_absorbed_files_too(plan: Plan) -> None:
    assert len(landed_between(plan, JULY_4)) == 2
    assert len(landed_between(plan, ALL_DATES)) == 3


def test_a_reading_says_months_landed_files_and_bytes(plan: Plan) -> None:
    found = reading(plan, JULY_4)
    assert (found.months, found.all_months, found.landed) == (1, 2, 1)
    assert found.bytes == sum(file.size for file in files_of(plan, JULY_4).by_name.values())
    assert str(Reading(2, 120, 0, 26_000_000)) == "2 of 120 months, 26 MB"
    assert str(Reading(1, 1, 3, 26_400)) == "1 of 1 month and 3 landed files, 26 kB"


def test_dates_are_taken_as_dates_and_as_texts() -> None:
    assert dates_between("2013-07-04", dt.date(2013, 7, 4)) == JULY_4
    assert dates_between(None, None) == ALL_DATES


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2013-07-05", "2013-07-04", "date_from is 2013-07-05, after date_to"),
        ("July", None, "date_from is 'July'; it takes a date such as"),
        (None, dt.datetime(2013, 7, 4, tzinfo=dt.UTC), "date_to is .*; it takes a date, without a time"),
    ],
)
def test_what_is_no_range_of_dates_is_refused(first: str | None, last: dt.date | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dates_between(first, last)
