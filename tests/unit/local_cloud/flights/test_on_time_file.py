"""The real flights as the US DOT publishes them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from local_cloud.flights import on_time_file
from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.on_time_file import COLUMNS, row_of, write_csv


def written(rows: int, flights: int) -> list[dict[str, str]]:
    text = io.StringIO()
    write_csv(text, read_flights(flights), rows)
    return list(csv.DictReader(io.StringIO(text.getvalue())))


def test_a_flight_has_the_cells_that_the_dot_has_of_it() -> None:
    row = {name: value for name, value in row_of(read_flights(1)[0]).items() if value}
    assert row == {
        **{"Year": "2013", "Month": "1", "DayofMonth": "1", "FlightDate": "2013-01-01"},
        **{"Reporting_Airline": "UA", "IATA_CODE_Reporting_Airline": "UA", "Flight_Number_Reporting_Airline": "1545"},
        **{"Tail_Number": "N14228", "Origin": "EWR", "Dest": "IAH", "Distance": "1400.00", "Flights": "1.00"},
        **{"CRSDepTime": "0515", "DepTime": "0517", "DepDelay": "2.00"},
        **{"CRSArrTime": "0819", "ArrTime": "0830", "ArrDelay": "11.00"},
        **{"Cancelled": "0.00", "Diverted": "0.00"},
        **{"CRSElapsedTime": "244.00", "ActualElapsedTime": "253.00", "AirTime": "227.00"},
    }


def test_every_line_has_110_cells_of_which_the_last_is_blank() -> None:
    text = io.StringIO()
    write_csv(text, read_flights(20), 20)
    rows = list(csv.reader(io.StringIO(text.getvalue())))
    assert {len(row) for row in rows} == {110}
    assert {row[-1] for row in rows} == {""}
    assert tuple(rows[0][:-1]) == COLUMNS


def test_copies_are_flights_of_other_carriers() -> None:
    rows = written(25, flights=10)
    keys = {tuple(row[name] for name in ("FlightDate", "Reporting_Airline", "Origin")) for row in rows}
    assert len(rows) == 25
    assert {len(carrier) for _, carrier, _ in keys} == {2, 3}
    with pytest.raises(ValueError, match="371 rows are more than 37 copies of 10 flights"):
        written(371, flights=10)


def test_the_command_writes_a_zip_with_a_page_next_to_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    july = read_flights(every=400, month=7)
    monkeypatch.setattr(on_time_file, "read_flights", lambda month: july if month == 7 else [])
    path = tmp_path / "july.zip"
    assert on_time_file.main([str(path), "--month", "7"]) == 0
    assert f"{len(july)} flights in " in capsys.readouterr().out
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["july.csv", "readme.html"]
        rows = list(csv.DictReader(io.StringIO(archive.read("july.csv").decode())))
    assert len(rows) == len(july) > 50
    assert {row["Month"] for row in rows} == {"7"}
