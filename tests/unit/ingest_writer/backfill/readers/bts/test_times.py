"""Moments from local clocks, around midnights, time changes and the date line."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest_writer.backfill.readers.bts.airports import zone_of
from ingest_writer.backfill.readers.bts.times import Clocks, ContradictionError, Moments, moments

SPRING = dt.date(2013, 3, 10)
AUTUMN = dt.date(2013, 11, 3)
SUMMER = dt.date(2013, 7, 1)


def found(date: dt.date, origin: str, destination: str, **clocks: Any) -> Moments:
    """Clocks are given as hhmm."""
    names = ("crs_departure", "departure", "crs_arrival", "arrival")
    given = {
        name: divmod(value, 100) if name in names and value is not None else value for name, value in clocks.items()
    }
    values = {name: v[0] * 60 + v[1] if isinstance(v, tuple) else v for name, v in given.items()}
    return moments(Clocks(date, **values), zone(origin), zone(destination))


def zone(airport: str) -> ZoneInfo:
    known = zone_of(airport)
    assert known is not None
    return known


def shown(moment: dt.datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(dt.UTC):%d %H:%M}"


def test_all_times_follow_from_the_scheduled_departure() -> None:
    flight = found(
        SUMMER,
        *("EWR", "IAH"),
        crs_departure=515,
        departure=517,
        departure_delay=2,
        crs_arrival=819,
        arrival=830,
        arrival_delay=11,
        crs_elapsed=244,
        elapsed=253,
    )
    assert flight.scheduled_departure.isoformat() == "2013-07-01T05:15:00-04:00"
    assert shown(flight.actual_departure) == "01 09:17"
    assert (shown(flight.scheduled_arrival), shown(flight.actual_arrival)) == ("01 13:19", "01 13:30")


def test_without_elapsed_times_arrivals_are_the_next_of_their_clocks() -> None:
    flight = found(
        SUMMER,
        *("JFK", "MIA"),
        crs_departure=2359,
        departure=2400,
        departure_delay=1,
        crs_arrival=310,
        arrival=305,
        arrival_delay=-5,
    )
    assert shown(flight.actual_departure) == "02 04:00"
    assert (shown(flight.scheduled_arrival), shown(flight.actual_arrival)) == ("02 07:10", "02 07:05")


def test_a_departure_at_2400_is_at_the_end_of_its_date() -> None:
    flight = found(SUMMER, "JFK", "MIA", crs_departure=2400)
    assert flight.scheduled_departure.isoformat() == "2013-07-02T00:00:00-04:00"


def test_a_delay_of_more_than_a_day_counts_as_it_is() -> None:
    flight = found(
        SUMMER, "JFK", "MIA", crs_departure=900, departure=1000, departure_delay=1500, elapsed=180, arrival=1300
    )
    assert (shown(flight.actual_departure), shown(flight.actual_arrival)) == ("02 14:00", "02 17:00")


@pytest.mark.parametrize(("departure", "moment"), [(2330, "01 03:30"), (15, "01 04:15"), (2210, "01 02:10")])
def test_without_a_delay_the_departure_is_the_one_near_the_schedule(departure: int, moment: str) -> None:
    flight = found(dt.date(2013, 6, 30), "JFK", "MIA", crs_departure=2345, departure=departure)
    assert shown(flight.actual_departure) == moment


def test_without_elapsed_time_and_delay_the_arrival_is_the_next_after_the_departure() -> None:
    flight = found(SUMMER, "JFK", "MIA", crs_departure=2300, departure=2310, departure_delay=10, arrival=205)
    assert shown(flight.actual_arrival) == "02 06:05"


def test_a_night_flight_over_the_spring_change_lands_by_elapsed_time() -> None:
    flight = found(dt.date(2013, 3, 9), "LAX", "JFK", crs_departure=2300, crs_elapsed=310, crs_arrival=810)
    assert (shown(flight.scheduled_departure), shown(flight.scheduled_arrival)) == ("10 07:00", "10 12:10")


def test_a_night_flight_over_the_autumn_change_lands_by_elapsed_time() -> None:
    flight = found(dt.date(2013, 11, 2), "LAX", "JFK", crs_departure=2130, crs_elapsed=330, crs_arrival=500)
    assert (shown(flight.scheduled_departure), shown(flight.scheduled_arrival)) == ("03 04:30", "03 10:00")


@pytest.mark.parametrize(("arrival", "offset", "moment"), [(415, "-04:00", "03 08:15"), (515, "-05:00", "03 09:15")])
def test_an_hour_that_comes_twice_is_the_one_that_elapsed_time_tells(arrival: int, offset: str, moment: str) -> None:
    flight = found(AUTUMN, "JFK", "SJU", crs_departure=130, crs_elapsed=165, crs_arrival=arrival)
    assert flight.scheduled_departure.isoformat() == f"2013-11-03T01:30:00{offset}"
    assert shown(flight.scheduled_arrival) == moment


def test_an_hour_that_comes_twice_is_told_by_the_actual_times_too() -> None:
    flight = found(AUTUMN, "JFK", "MIA", crs_departure=130, departure_delay=45, departure=215)
    assert flight.scheduled_departure.isoformat() == "2013-11-03T01:30:00-05:00"


def test_an_hour_that_comes_twice_is_the_first_if_nothing_tells() -> None:
    assert found(AUTUMN, "JFK", "MIA", crs_departure=130).scheduled_departure.isoformat().endswith("-04:00")


@pytest.mark.parametrize(("arrival", "moment"), [(620, "10 07:30"), (520, "10 06:30")])
def test_an_hour_that_is_left_out_is_read_as_elapsed_time_tells(arrival: int, moment: str) -> None:
    flight = found(SPRING, "JFK", "MIA", crs_departure=230, crs_elapsed=170, crs_arrival=arrival)
    assert shown(flight.scheduled_departure) == moment
    assert flight.scheduled_departure.hour == 2


def test_a_clock_that_was_not_yet_put_forward_is_no_contradiction() -> None:
    flight = found(SPRING, "JFK", "MIA", crs_departure=120, departure_delay=60, departure=220)
    assert shown(flight.actual_departure) == "10 07:20"


@pytest.mark.parametrize(("date", "arrival"), [(SUMMER, 955), (dt.date(2013, 1, 1), 855)])
def test_arizona_has_no_summer_time(date: dt.date, arrival: int) -> None:
    flight = found(date, "PHX", "LAX", crs_departure=855, crs_elapsed=60, crs_arrival=arrival)
    assert flight.scheduled_departure.isoformat() == f"{date}T08:55:00-07:00"


def test_hawaii_is_a_day_behind_guam() -> None:
    there = found(SUMMER, "GUM", "HNL", crs_departure=700, crs_elapsed=425, crs_arrival=1805)
    assert there.scheduled_departure.isoformat() == "2013-07-01T07:00:00+10:00"
    assert shown(there.scheduled_departure) == "30 21:00"
    assert shown(there.scheduled_arrival) == "01 04:05"
    back = found(SUMMER, "HNL", "GUM", crs_departure=1450, crs_elapsed=470, crs_arrival=1840)
    assert (shown(back.scheduled_departure), shown(back.scheduled_arrival)) == ("02 00:50", "02 08:40")


def test_guam_is_right_by_clocks_alone() -> None:
    there = found(SUMMER, "GUM", "HNL", crs_departure=700, crs_arrival=1805)
    assert shown(there.scheduled_arrival) == "01 04:05"


@pytest.mark.parametrize(
    ("wrong", "column", "follows"),
    [
        ({"crs_elapsed": 245}, "CRSArrTime", "0820"),
        ({"departure_delay": 3}, "DepTime", "0518"),
        ({"elapsed": 254}, "ArrTime", "0831"),
        ({"arrival_delay": 12}, "ArrTime", "0831"),
        ({"arrival_delay": 12, "arrival": None}, "ArrDelay", "11"),
        ({"arrival": 1830}, "ArrTime", "0830"),
    ],
)
def test_a_clock_that_contradicts_the_minutes_is_named(wrong: dict[str, Any], column: str, follows: str) -> None:
    flight: dict[str, Any] = {
        **{"crs_departure": 515, "departure": 517, "departure_delay": 2, "crs_arrival": 819, "arrival": 830},
        **{"arrival_delay": 11, "crs_elapsed": 244, "elapsed": 253},
    }
    with pytest.raises(ContradictionError) as error:
        found(SUMMER, "EWR", "IAH", **(flight | wrong))
    assert (error.value.column, error.value.follows) == (column, follows)
