"""From a path and a query string to a question about one flight."""

from __future__ import annotations

import datetime as dt

from lakehouse.table.planner import Dates
from query_service.api.lookup_requests import flight_request
from tests._support.api.query_strings import FLIGHT, KEY, pairs, refused


def test_one_flight_is_named_by_its_key_and_waits_for_nothing_by_default() -> None:
    asked = flight_request(FLIGHT, [])
    assert (asked.key, asked.min_event_time, asked.wait_s, asked.snapshot) == (KEY, None, 0.0, None)
    assert asked.dates == Dates(dt.date(2013, 1, 5), dt.date(2013, 1, 5))


def test_an_id_may_be_written_small_in_ascii_alone() -> None:
    assert flight_request(FLIGHT.lower(), []).key == KEY
    assert refused(lambda: flight_request("2013-01-05-ua-1545-ſfo", [])).parameter == "flight_id"


def test_a_wait_is_for_a_state_that_is_named() -> None:
    asked = flight_request(FLIGHT, pairs("min_event_time=2013-01-05T12:00:00Z&wait_s=2.5"))
    assert (asked.min_event_time, asked.wait_s) == (dt.datetime(2013, 1, 5, 12, tzinfo=dt.UTC), 2.5)
    assert refused(lambda: flight_request(FLIGHT, pairs("wait_s=2.5"))).parameter == "wait_s"


def test_an_old_snapshot_has_no_state_to_wait_for() -> None:
    query = "snapshot=7&min_event_time=2013-01-05T12:00:00Z"
    assert refused(lambda: flight_request(FLIGHT, pairs(query))).parameter == "snapshot"


def test_an_id_that_is_none_is_refused_and_shown() -> None:
    problem = refused(lambda: flight_request("2013-01-05-UA-EWR", []))
    assert (problem.parameter, problem.got) == ("flight_id", "2013-01-05-UA-EWR")
