"""What the cells of the DOT's file say."""

from __future__ import annotations

import datetime as dt

import pytest

from ingest_writer.backfill.readers.bts import cells
from ingest_writer.backfill.readers.bts.cells import CellError


@pytest.mark.parametrize(
    "cell",
    ["2013-07-01", "2013-07-01 00:00:00", "7/1/2013 12:00:00 AM", "07/01/2013", "7/1/2013 0:00", "20130701"],
)
def test_a_date_is_read_as_each_download_writes_it(cell: str) -> None:
    assert cells.flight_date(cell) == dt.date(2013, 7, 1)


@pytest.mark.parametrize("cell", ["2013-02-30", "13/1/2013", "7/1/2013 1:00:00 AM", "7/1/13", "9999-12-31", "x"])
def test_anything_else_is_no_date(cell: str) -> None:
    with pytest.raises(CellError, match="takes a date such as 2013-07-01"):
        cells.flight_date(cell)


@pytest.mark.parametrize(
    ("cell", "minutes"), [("0515", 315), ("515", 315), ("515.0", 315), ("5", 5), ("0000", 0), ("2359", 1439)]
)
def test_a_clock_is_read_with_and_without_its_zeros(cell: str, minutes: int) -> None:
    assert cells.clock(cell) == minutes


def test_2400_is_the_end_of_the_day() -> None:
    assert cells.clock("2400") == 24 * 60


@pytest.mark.parametrize("cell", ["0560", "2401", "2500", "-1", "05:15", "12345", "515.5"])
def test_what_no_clock_shows_is_none(cell: str) -> None:
    with pytest.raises(CellError, match="from 0000 to 2400"):
        cells.clock(cell)


def test_minutes_are_whole() -> None:
    assert [cells.minutes(cell) for cell in ("-5.00", "0.00", "11", "1440.0")] == [-5, 0, 11, 1440]
    for cell in ("5.5", "1e3", "x", "1,000"):
        with pytest.raises(CellError, match="whole minutes"):
            cells.minutes(cell)


def test_elapsed_minutes_are_above_0() -> None:
    assert cells.elapsed("244.00") == 244
    for cell in ("0.00", "-99.00"):
        with pytest.raises(CellError, match="above 0"):
            cells.elapsed(cell)


def test_a_flag_is_0_or_1() -> None:
    assert [cells.flag(cell) for cell in ("0.00", "1.00", "0", "1")] == [False, True, False, True]
    for cell in ("2.00", "yes", "-1"):
        with pytest.raises(CellError, match="takes 0 or 1"):
            cells.flag(cell)


def test_miles_are_rounded_to_the_nearest_kilometre() -> None:
    assert [cells.kilometres(cell) for cell in ("1400.00", "80", "0.00", "4983.00")] == [2253, 129, 0, 8019]
    with pytest.raises(CellError):
        cells.kilometres("-1")


def test_a_carrier_of_a_code_with_a_number_is_the_code_that_it_had() -> None:
    assert [cells.carrier(cell) for cell in ("UA", "9E", "PA (1)", "ML(1)", "XAA")] == ["UA", "9E", "PA", "ML", "XAA"]
    assert [cells.carrier(cell) for cell in ("", "ua", "U", "UALX")] == [None] * 4


@pytest.mark.parametrize("cell", ["UNKNOW", "�NKNO�", "æNKNOæ", "NKNO", "000000", "N123 45", "N1234567890", "-"])
def test_what_is_no_registration_is_unknown(cell: str) -> None:
    assert cells.tail_number(cell) is None


def test_a_registration_is_kept() -> None:
    assert [cells.tail_number(cell) for cell in ("N37408", "n101", "D-ABCD")] == ["N37408", "n101", "D-ABCD"]


def test_a_flight_number_may_have_zeros_before_it() -> None:
    assert cells.flight_number("0015") == 15
    with pytest.raises(CellError):
        cells.flight_number("15A")


def test_blank_is_unknown() -> None:
    assert [cells.is_unknown(cell) for cell in ("", "nan", "0", "0.00")] == [True, True, False, False]
