"""Order, limits of a delay and cursor of pages: what contradicts or was forged is refused."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from lakehouse.table.planner import Dates
from query_service.api.flight_pages import order_of
from query_service.api.requests import flights_request
from query_service.queries.model import Order, cursor_of
from tests._support.api.query_strings import FLIGHT, KEY, MAX_VALUES, pairs, refused


def test_an_order_is_a_column_with_a_minus_for_descending() -> None:
    assert order_of("-flight_id") == Order("flight_id", True)
    assert order_of("scheduled_departure") == Order("scheduled_departure", False)


def test_a_cursor_of_another_order_goes_on_from_its_value() -> None:
    order = Order("departure_delay_minutes", True)
    cursor = cursor_of(FLIGHT, order, -3)
    page = flights_request(pairs(f"order_by=-departure_delay_minutes&cursor={cursor}"), MAX_VALUES)
    assert (page.order, page.after, page.after_value, page.filters.dates) == (order, KEY, -3, Dates())
    backwards = flights_request(
        pairs(f"order_by=-flight_id&cursor={cursor_of(FLIGHT, Order('flight_id', True))}"), MAX_VALUES
    )
    assert backwards.filters.dates == Dates(None, dt.date(2013, 1, 5))
    other = refused(lambda: flights_request(pairs(f"cursor={cursor}"), MAX_VALUES))
    assert (other.parameter, other.expected) == (
        "cursor",
        "order_by=-departure_delay_minutes beside it, as on the page that gave it",
    )


@pytest.mark.parametrize(
    "text",
    [
        *(f"scheduled_departure 1_0 {FLIGHT}", f"scheduled_departure {10**17} {FLIGHT}", f"status None {FLIGHT}"),
        *(f"-flight_id 5 {FLIGHT}", f"flight_id None {FLIGHT}", f"scheduled_departure +1 {FLIGHT}", f"a b c {FLIGHT}"),
    ],
)
def test_a_forged_cursor_of_an_order_is_refused(text: str) -> None:
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    order = text.split(" ", maxsplit=1)[0] if "status" not in text and text[0] != "a" else "flight_id"
    assert (
        refused(lambda: flights_request(pairs(f"order_by={order}&cursor={cursor}"), MAX_VALUES)).parameter == "cursor"
    )


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *(("delay_min=1", "delay_min"), ("delay_max=1", "delay_max"), ("delay=arrival", "delay")),
        *(("delay=arrival&delay_min=2&delay_max=1", "delay_min"), ("columns=status,status", "columns")),
    ],
)
def test_limits_of_a_delay_need_to_be_of_one_and_in_order(query: str, parameter: str) -> None:
    assert refused(lambda: flights_request(pairs(query), MAX_VALUES)).parameter == parameter
