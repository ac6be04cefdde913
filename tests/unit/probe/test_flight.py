"""Flights that a probe publishes: each its own, and an event that writers take."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

from ingest_writer.decoding.event import Origin
from ingest_writer.decoding.line import decode_line
from lakehouse.schema.event import COLUMNS, parse_flight_id
from probe.flight import CANARY_ORIGIN, ProbeFlight, flight_of_build, flight_of_minute, flight_of_number
from tests._support.api.fake import BUILD, NOW

_ORIGIN = Origin(int(NOW.timestamp() * 1_000_000), "1", 0)


def test_flight_of_a_build_is_its_own_and_an_event_that_is_taken() -> None:
    flight = flight_of_build(BUILD, NOW)
    assert flight == flight_of_build(BUILD, NOW)
    assert flight.tail_number == "3f2504e04f"
    assert flight.event()["carrier"] == "ZZ"
    others = {flight_of_build(f"build-{number}", NOW).flight_id for number in range(10_000)}
    assert len(others) == 10_000


def test_canary_of_each_minute_of_a_day_is_another_flight() -> None:
    midnight = NOW.replace(hour=0, minute=0)
    minutes = {flight_of_minute(midnight + dt.timedelta(minutes=n)).flight_id for n in range(24 * 60)}
    assert len(minutes) == 24 * 60


def test_canary_of_a_number_is_another_flight_for_each_of_them() -> None:
    assert len({flight_of_number(number, NOW).flight_id for number in range(1, 10_000)}) == 9999
    assert flight_of_number(12 * 60 + 1, NOW) == flight_of_minute(NOW)


def test_the_message_is_an_event_that_a_writer_takes_late_by_seven_minutes() -> None:
    for flight in (flight_of_build(BUILD, NOW), flight_of_minute(NOW)):
        row = dict(zip(COLUMNS, decode_line(flight.message(), _ORIGIN, Counter()), strict=True))
        assert row["departure_delay_minutes"] == 7
        assert parse_flight_id(flight.flight_id).flight_id == flight.flight_id


def test_the_event_time_is_to_the_microsecond_and_the_departure_to_the_second() -> None:
    event = json.loads(ProbeFlight(1, "", "ZZZ", "N1", NOW).message())
    assert event["event_time"] == "2026-11-24T12:00:00.123456+00:00"
    assert event["scheduled_departure"] == "2026-11-24T12:00:00+00:00"
    assert event["actual_departure"] == "2026-11-24T12:07:00+00:00"


def test_no_flight_of_a_build_has_the_origin_of_the_canaries() -> None:
    assert flight_of_minute(NOW).origin == CANARY_ORIGIN
    assert {len(flight_of_build(f"build-{number}", NOW).origin) for number in range(1000)} == {4}
