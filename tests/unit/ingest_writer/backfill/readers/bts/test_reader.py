"""The DOT's file as it is downloaded: every row is a flight, or refused with the reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.backfill.readers.bts.reader import BTS
from ingest_writer.backfill.readers.detect import format_of, open_file
from ingest_writer.backfill.readers.model import FileRow, InputFile, ReadError, ReadOptions, RefusedRow
from tests._support.files.bts import CANCELLED, FLIGHT, Row, custom_csv, monthly_csv
from tests._support.files.written import csv_text, file_of, rows_of

AS_OF = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DIVERTED: Row = {
    **FLIGHT,
    **dict.fromkeys(("ArrTime", "ArrDelay", "ActualElapsedTime", "AirTime"), ""),
    **{"Diverted": "1.00", "DivAirportLandings": "1", "DivReachedDest": "0.00", "Div1Airport": "AUS"},
}


def values_of(path: Path, *rows: Row) -> dict[str, Any]:
    """Of the last row; known values only."""
    row = rows_of(file_of(path / "x.csv", monthly_csv(*rows)), as_of=AS_OF)[-1]
    assert isinstance(row, FileRow), row
    return {name: value for name, value in row.values.items() if value is not None}


def reason_of(path: Path, **changed: str) -> str:
    [row] = rows_of(file_of(path / "x.csv", monthly_csv({**FLIGHT, **changed})))
    assert isinstance(row, RefusedRow), row
    assert b"N37408" in row.raw
    return row.reason


def test_a_row_of_the_monthly_file_is_a_whole_state(tmp_path: Path) -> None:
    assert values_of(tmp_path, FLIGHT) == {
        "flight_date": dt.date(2013, 7, 1),
        "carrier": "UA",
        "flight_number": 1545,
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_departure": "2013-07-01T05:15:00-04:00",
        "scheduled_arrival": dt.datetime(2013, 7, 1, 13, 19, tzinfo=dt.UTC),
        "actual_departure": dt.datetime(2013, 7, 1, 9, 17, tzinfo=dt.UTC),
        "actual_arrival": dt.datetime(2013, 7, 1, 13, 30, tzinfo=dt.UTC),
        "status": "arrived",
        "departure_delay_minutes": 2,
        "arrival_delay_minutes": 11,
        "air_time_minutes": 227,
        "distance_km": 2253,
        "tail_number": "N37408",
        "event_time": AS_OF,
    }


@pytest.mark.parametrize("date", ["{0.month}/{0.day}/{0.year} 12:00:00 AM", "{0:%Y-%m-%d}"])
def test_the_custom_download_says_the_same(tmp_path: Path, date: str) -> None:
    [row] = rows_of(file_of(tmp_path / "y.csv", custom_csv(FLIGHT, date=date)), as_of=AS_OF)
    assert isinstance(row, FileRow)
    assert {name: value for name, value in row.values.items() if value is not None} == values_of(tmp_path, FLIGHT)


def test_a_cancelled_flight_has_its_schedule(tmp_path: Path) -> None:
    values = values_of(tmp_path, CANCELLED)
    assert values["status"] == "cancelled"
    assert values["scheduled_arrival"] == dt.datetime(2013, 7, 1, 13, 19, tzinfo=dt.UTC)
    assert not values.keys() & {"actual_departure", "actual_arrival", "departure_delay_minutes", "air_time_minutes"}


def test_a_cancelled_flight_that_had_left_its_gate_keeps_its_departure(tmp_path: Path) -> None:
    values = values_of(tmp_path, {**CANCELLED, "DepTime": "0517", "DepDelay": "2.00"})
    assert (values["status"], values["departure_delay_minutes"]) == ("cancelled", 2)
    assert values["actual_departure"] == dt.datetime(2013, 7, 1, 9, 17, tzinfo=dt.UTC)


def test_a_diverted_flight_ends_where_it_landed_last(tmp_path: Path) -> None:
    values = values_of(tmp_path, {**DIVERTED, "Div2Airport": "DFW"})
    assert (values["status"], values["diverted_to"]) == ("diverted", "DFW")
    assert "actual_arrival" not in values
    assert values["actual_departure"] == dt.datetime(2013, 7, 1, 9, 17, tzinfo=dt.UTC)


def test_a_diverted_flight_that_came_there_in_the_end_has_its_arrival(tmp_path: Path) -> None:
    reached = {"DivReachedDest": "1.00", "DivActualElapsedTime": "433.00", "DivArrDelay": "191.00", "ArrTime": "1130"}
    values = values_of(tmp_path, {**DIVERTED, **reached})
    assert (values["status"], values["diverted_to"], values["arrival_delay_minutes"]) == ("diverted", "AUS", 191)
    assert values["actual_arrival"] == dt.datetime(2013, 7, 1, 16, 30, tzinfo=dt.UTC)


def test_a_diverted_flight_of_the_years_before_2008_has_no_airport(tmp_path: Path) -> None:
    values = values_of(tmp_path, {**DIVERTED, "Div1Airport": "", "DivReachedDest": "", "ArrTime": "1130"})
    assert values["status"] == "diverted"
    assert not values.keys() & {"diverted_to", "actual_arrival"}


@pytest.mark.parametrize(("unique", "iata", "carrier"), [("9E", "9E", "9E"), ("PA (1)", "PA", "PA"), ("", "OO", "OO")])
def test_the_carrier_is_the_unique_code_without_its_number(
    tmp_path: Path, unique: str, iata: str, carrier: str
) -> None:
    row = {**FLIGHT, "Reporting_Airline": unique, "IATA_CODE_Reporting_Airline": iata}
    assert values_of(tmp_path, row)["carrier"] == carrier


def test_a_registration_that_is_none_is_unknown_and_said(tmp_path: Path) -> None:
    rows = [{**FLIGHT, "Tail_Number": tail} for tail in ("UNKNOW", "UNKNOW", "\ufffdNKNO\ufffd", "", "N37408")]
    opened = open_file(file_of(tmp_path / "x.csv", monthly_csv(*rows)), ReadOptions(as_of=AS_OF))
    found = [row.values["tail_number"] for row in opened.rows if isinstance(row, FileRow)]
    assert found == [None, None, None, None, "N37408"]
    [note] = opened.notes()
    assert note.startswith("took Tail_Number as unknown in 3 rows, where it is no registration: 'UNKNOW', ")


def test_bytes_that_are_no_utf_8_cost_no_row(tmp_path: Path) -> None:
    data = monthly_csv(FLIGHT).encode().replace(b"N37408", b"\xe6NKNO\xe6")
    [row] = rows_of(file_of(tmp_path / "x.csv", data))
    assert isinstance(row, FileRow)
    assert row.values["tail_number"] is None
    damaged = data.replace(b'"0517"', b'"0x17"')
    [refused] = rows_of(file_of(tmp_path / "y.csv", damaged))
    assert isinstance(refused, RefusedRow)
    assert refused.raw == damaged.splitlines()[1]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Origin": "QQQ"}, "Origin is QQQ, an airport whose time zone is not known"),
        ({"Dest": "not one"}, "Dest is 'not one', an airport whose time zone is not known"),
        ({"CRSDepTime": ""}, "CRSDepTime is '': a flight needs it"),
        ({"CRSDepTime": "2515"}, "CRSDepTime is '2515': takes a time of day from 0000 to 2400, as hhmm"),
        ({"DepDelay": "2.50"}, "DepDelay is '2.50': takes whole minutes"),
        ({"Cancelled": "2.00"}, "Cancelled is '2.00': takes 0 or 1"),
        ({"Cancelled": "1.00", "Diverted": "1.00"}, "Cancelled is '1.00', and Diverted is '1.00': it can be one"),
        ({"Flight_Number_Reporting_Airline": "15A"}, "Flight_Number_Reporting_Airline is '15A': takes a number"),
        ({"ArrTime": "0730"}, "ArrTime is '0730', but it is '0830' by CRSArrTime '0819' and ArrDelay '11.00'"),
        ({"CRSElapsedTime": "184.00"}, "CRSArrTime is '0819', but it is '0719' by CRSDepTime '0515' and CRSElapsedT"),
        (
            {"Reporting_Airline": "ua", "IATA_CODE_Reporting_Airline": ""},
            "Reporting_Airline is 'ua': takes a code of two or three letters and figures",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_column_and_value(tmp_path: Path, changed: dict[str, str], reason: str) -> None:
    assert reason_of(tmp_path, **changed).startswith(reason)


def test_the_custom_download_is_told_by_its_own_names(tmp_path: Path) -> None:
    [row] = rows_of(file_of(tmp_path / "x.csv", custom_csv({**FLIGHT, "DepDelay": "x"})))
    assert isinstance(row, RefusedRow)
    assert row.reason == "DEP_DELAY is 'x': takes whole minutes"
    for changed, reason in (
        ({"ArrTime": "0730"}, "ARR_TIME is '0730', but it is '0830' by CRS_ARR_TIME '0819' and ARR_DELAY '11.00'"),
        ({"Origin": "QQQ"}, "ORIGIN is QQQ, an airport whose time zone is not known"),
    ):
        [row] = rows_of(file_of(tmp_path / "x.csv", custom_csv({**FLIGHT, **changed})))
        assert isinstance(row, RefusedRow)
        assert row.reason == reason


def test_a_row_that_is_cut_short_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    lines = monthly_csv(FLIGHT, FLIGHT).splitlines()
    text = "\n".join([lines[0], lines[1].removesuffix(","), lines[2]])
    first, second = rows_of(file_of(tmp_path / "x.csv", text))
    assert isinstance(first, RefusedRow)
    assert isinstance(second, FileRow)
    assert (first.line, second.line) == (2, 3)


def test_the_file_is_recognised_by_its_header(tmp_path: Path) -> None:
    for name, text in (("x.csv", monthly_csv(FLIGHT)), ("x.txt", custom_csv(FLIGHT))):
        assert format_of(file_of(tmp_path / name, text), ReadOptions()) is BTS
    ours = csv_text({"flight_date": "2013-07-01", "origin": "EWR", "destination": "IAH"})
    assert format_of(file_of(tmp_path / "z.csv", ours), ReadOptions()).name == "csv"


def test_a_download_without_a_needed_column_is_refused_before_its_rows(tmp_path: Path) -> None:
    file = file_of(tmp_path / "x.csv", custom_csv(FLIGHT, without=("Cancelled",)))
    with pytest.raises(ReadError, match="missing: Cancelled; choose them in the download"):
        open_file(file, ReadOptions())


def test_utf_16_that_does_not_say_so_is_refused(tmp_path: Path) -> None:
    file = file_of(tmp_path / "x.csv", custom_csv(FLIGHT).encode("utf-16-le"))
    with pytest.raises(ReadError, match="utf-16-le"):
        open_file(file, ReadOptions(format="bts"))


def test_the_sample_of_the_format_is_read(tmp_path: Path) -> None:
    columns = ("FlightDate", "Reporting_Airline", "Flight_Number_Reporting_Airline", "Origin", "Dest", "CRSDepTime")
    names = (*columns, "DepTime", "DepDelay", "CRSArrTime", "ArrTime", "ArrDelay", "Cancelled", "Diverted", "")
    late = '2013-07-01,"AA","1141","JFK","MIA","2359","2400",1.00,"0310","0305",-5.00,0.00,0.00,'
    file: InputFile = file_of(tmp_path / "x.csv", f"{','.join(names)}\n{late}\n")
    [row] = rows_of(file)
    assert isinstance(row, FileRow)
    assert row.values["actual_departure"] == dt.datetime(2013, 7, 2, 4, tzinfo=dt.UTC)
    assert row.values["actual_arrival"] == dt.datetime(2013, 7, 2, 7, 5, tzinfo=dt.UTC)
