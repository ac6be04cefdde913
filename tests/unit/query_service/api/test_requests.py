"""From a query string to a frozen question: what means the same is the same question, what contradicts is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from lakehouse.table.planner import Dates
from query_service.api.requests import flights_request, only_format, stats_request
from query_service.queries.model import FLIGHTS_LIMIT, STATS_LIMIT, Filters, Order, cursor_of
from tests._support.api.query_strings import FLIGHT, KEY, MAX_VALUES, pairs, refused


def test_a_question_without_parameters_is_about_everything() -> None:
    asked = stats_request([], MAX_VALUES)
    assert (asked.filters, asked.group_by, asked.order_by, asked.snapshot) == (Filters(), (), (), None)
    assert asked.limit == STATS_LIMIT
    page = flights_request([], MAX_VALUES)
    assert (page.filters, page.after, page.limit, page.snapshot) == (Filters(), None, FLIGHTS_LIMIT, None)


def test_a_question_is_read_whole() -> None:
    asked = stats_request(
        pairs(
            "carrier=UA&carrier=AA&flight_number=10&flight_number=9&date_from=2013-01-01&date_to=2013-01-31"
            "&group_by=origin,hour&order_by=-flights,origin&limit=5&snapshot=7"
        ),
        MAX_VALUES,
    )
    dates = Dates(dt.date(2013, 1, 1), dt.date(2013, 1, 31))
    assert asked.filters == Filters(dates, carrier=("AA", "UA"), flight_number=(9, 10))
    assert (asked.group_by, asked.limit, asked.snapshot) == (("origin", "hour"), 5, 7)
    assert asked.order_by == (Order("flights", True), Order("origin", False))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("carrier=UA&carrier=AA", "carrier=AA&carrier=UA&carrier=AA"),
        ("carrier=UA&carrier=AA", "carrier=ua,AA"),
        ("flight_number=1,2&status=arrived,diverted", "flight_number=2,1&status=diverted&status=arrived"),
        ("origin=kewr&destination=lax", "origin=KEWR&destination=LAX"),
        ("on_time_minutes=15", ""),
        ("group_by=origin&group_by=hour", "group_by=origin,hour"),
        ("limit=1000", ""),
        ("group_by=hour&min_flights=1", "group_by=hour"),
    ],
)
def test_another_spelling_of_a_question_is_the_same_question(one: str, other: str) -> None:
    assert stats_request(pairs(one), MAX_VALUES) == stats_request(pairs(other), MAX_VALUES)


@pytest.mark.parametrize(
    ("query", "parameter", "expected"),
    [
        ("date_from=2013-02-01&date_to=2013-01-31", "date_from", "a date not after date_to, which is 2013-01-31"),
        ("group_by=origin,origin", "group_by", "each name once, and origin is there twice"),
        (
            "min_flights=2",
            "min_flights",
            "a group_by beside it: without groups there is always one row",
        ),
        ("order_by=flights,-flights", "order_by", "each column once, and flights is there twice"),
    ],
)
def test_parameters_that_contradict_are_refused(query: str, parameter: str, expected: str) -> None:
    problem = refused(lambda: stats_request(pairs(query), MAX_VALUES))
    assert (problem.parameter, problem.expected) == (parameter, expected)


def test_an_order_is_by_a_group_that_was_asked_for_or_by_a_metric() -> None:
    assert stats_request(pairs("group_by=origin&order_by=origin"), MAX_VALUES).order_by == (Order("origin", False),)
    assert refused(lambda: stats_request(pairs("order_by=origin"), MAX_VALUES)).parameter == "order_by"


def test_more_values_of_a_filter_than_allowed_are_refused() -> None:
    stats_request(pairs("carrier=UA&carrier=AA&carrier=B6"), MAX_VALUES)
    assert refused(lambda: flights_request(pairs("carrier=UA&carrier=AA&carrier=B6&carrier=DL"), MAX_VALUES)).parameter


def test_a_cursor_goes_on_after_its_flight_and_leaves_out_the_dates_before() -> None:
    page = flights_request(pairs(f"cursor={cursor_of(FLIGHT)}&date_from=2013-01-01&date_to=2013-01-31"), MAX_VALUES)
    assert page.after == KEY
    assert page.filters.dates == Dates(dt.date(2013, 1, 5), dt.date(2013, 1, 31))


def test_the_lake_takes_the_format_and_nothing_else() -> None:
    only_format(pairs("format=json"))
    assert refused(lambda: only_format(pairs("carrier=UA"))).parameter == "carrier"
