"""What the rows of a month file amount to, and what is wrong with them, within a batch and between batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from lakehouse.client.verify_rows import inspect_month, month_bounds
from lakehouse.errors import UnreadableError
from lakehouse.table import parquet_files
from lakehouse.table.parquet_files import MonthStats
from tests._support.lakes.rows import Row, at, row, write

_IN_ORDER = [row("2013-01-01", number) for number in range(1, 6)]


@pytest.fixture
def tiny_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a batch: what is wrong between rows is also wrong between batches."""
    monkeypatch.setattr(parquet_files, "_BATCH_ROWS", 2)


def _problems(folder: Path, rows: Sequence[Row]) -> list[str]:
    return inspect_month("flights/x", write(folder / "month", rows))[1]


@pytest.mark.usefixtures("tiny_batches")
def test_rows_sorted_by_key_have_no_problem(tmp_path: Path) -> None:
    assert _problems(tmp_path, _IN_ORDER) == []


@pytest.mark.usefixtures("tiny_batches")
@pytest.mark.parametrize("at_row", range(4))
def test_two_rows_of_one_flight_are_found(tmp_path: Path, at_row: int) -> None:
    rows = list(_IN_ORDER)
    rows[at_row + 1] = {**rows[at_row], "event_time": at("2013-01-01 13:00")}
    flight = f"2013-01-01-UA-{at_row + 1}-EWR"
    assert _problems(tmp_path, rows) == [f"rows {at_row} and {at_row + 1} are both of flight {flight}"]


@pytest.mark.usefixtures("tiny_batches")
@pytest.mark.parametrize("at_row", range(4))
def test_rows_out_of_order_are_found(tmp_path: Path, at_row: int) -> None:
    rows = list(_IN_ORDER)
    rows[at_row], rows[at_row + 1] = rows[at_row + 1], rows[at_row]
    assert _problems(tmp_path, rows) == [f"row {at_row + 1} is below the row before it: not sorted by key"]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ({"flight_date": dt.date(2013, 1, 1), "carrier": "ZZ"}, {"flight_date": dt.date(2013, 1, 2), "carrier": "AA"}),
        ({"carrier": "9E", "flight_number": 2}, {"carrier": "AA", "flight_number": 1}),
        ({"carrier": "UA", "flight_number": 2}, {"carrier": "UAL", "flight_number": 1}),
        ({"flight_number": 9}, {"flight_number": 10}),
        ({"operational_suffix": "", "origin": "JFK"}, {"operational_suffix": "A", "origin": "EWR"}),
        ({"origin": "EWR"}, {"origin": "JFK"}),
    ],
)
def test_the_order_is_that_of_the_key(tmp_path: Path, low: Row, high: Row) -> None:
    rows = [{**row(), **low}, {**row(), **high}]
    assert _problems(tmp_path, rows) == []
    (problem,) = _problems(tmp_path, rows[::-1])
    assert "not sorted" in problem


def test_a_null_where_none_may_be_is_found(tmp_path: Path) -> None:
    rows = [{**row(), "origin": None, "destination": None}]
    assert _problems(tmp_path, rows) == ["column origin has nulls", "column destination has nulls"]


def test_sums_of_a_month_are_those_of_its_rows_with_nulls_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "_BATCH_ROWS", 1)
    path = write(
        tmp_path / "month",
        [
            {**row(), "event_time": None},
            row("2013-01-01", 1),
            row("2013-01-01", 2),
            row("2013-01-31", 1, event_time="2013-01-01 13:00"),
        ],
    )
    summary, problems = inspect_month("flights/x", path)
    assert summary == MonthStats(4, dt.date(2013, 1, 1), dt.date(2013, 1, 31), at("2013-01-01 13:00"))
    assert len(problems) == 2  # the null, and 1545 before 1


def test_a_file_without_rows_has_no_sums(tmp_path: Path) -> None:
    assert inspect_month("flights/x", write(tmp_path / "month", [])) == (None, [])


def test_what_is_not_parquet_is_an_error_that_names_the_object(tmp_path: Path) -> None:
    path = tmp_path / "month"
    path.write_bytes(b"no Parquet at all")
    with pytest.raises(UnreadableError, match=r"^flights/x: "):
        inspect_month("flights/x", path)


@pytest.mark.parametrize(
    ("month", "last"), [("2013-01", 31), ("2013-02", 28), ("2012-02", 29), ("2013-04", 30), ("2013-12", 31)]
)
def test_a_month_ends_with_its_last_day(month: str, last: int) -> None:
    first_day, last_day = month_bounds(month)
    assert (first_day.isoformat(), last_day.isoformat()) == (f"{month}-01", f"{month}-{last}")
