"""Statistics by carrier out of a few flights whose numbers can be counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.demo.recompute import by_carrier, differences
from local_cloud.flights.nycflights13 import Flight


def flight(carrier: str, departure: int | None, arrival: int | None) -> Flight:
    return Flight("2013-01-01", carrier, 1, "EWR", "IAH", None, 0, departure, 0, arrival, None, 1, "America/Chicago")


def test_carriers_are_in_order_and_each_has_its_own_numbers() -> None:
    flights = [
        flight("UA", 0, -5),
        flight("UA", 14, 15),
        flight("UA", 20, None),  # diverted
        flight("UA", None, None),  # cancelled
        flight("AA", None, None),
    ]
    american, united = by_carrier(flights)
    assert united == {
        "carrier": "UA",
        "flights": 4,
        "departed": 3,
        "arrived": 2,
        "cancelled": 1,
        "diverted": 1,
        "cancellation_rate": 0.25,
        "on_time_departure_rate": 2 / 3,
        "departure_delay_mean": 34 / 3,
        "departure_delay_p50": 14,
        "departure_delay_p90": 20,
        "departure_delay_p95": 20,
        "departure_delay_max": 20,
        "on_time_arrival_rate": 0.5,
        "arrival_delay_mean": 5.0,
        "arrival_delay_p50": -5,
        "arrival_delay_p90": 15,
        "arrival_delay_p95": 15,
        "arrival_delay_max": 15,
    }
    assert (american["flights"], american["cancellation_rate"]) == (1, 1.0)
    assert american["departure_delay_mean"] is None
    assert american["on_time_arrival_rate"] is None


def test_a_percentile_is_the_value_that_so_many_do_not_exceed() -> None:
    (row,) = by_carrier([flight("UA", delay, delay) for delay in range(100, 0, -1)])
    assert [row[f"departure_delay_p{p}"] for p in (50, 90, 95)] == [50, 90, 95]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"more": 1}, []),  # columns that are not calculated here
        ({"flights": 2}, ["UA flights: 2 instead of 1"]),
        ({"departure_delay_mean": 3.0000000000000004}, ["UA departure_delay_mean: 3.0000000000000004 instead of 3.0"]),
    ],
)
def test_a_difference_is_told_to_the_last_digit(changes: dict[str, Any], said: list[str]) -> None:
    expected = by_carrier([flight("UA", 3, 4)])
    assert differences(expected, [{**expected[0], **changes}]) == said


def test_rows_that_are_missing_are_a_difference() -> None:
    assert differences(by_carrier([flight("UA", 3, 4)]), []) == ["0 rows instead of 1"]
