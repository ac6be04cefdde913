"""Questions: which of them share what is kept, and cursors."""

from __future__ import annotations

import base64
import datetime as dt
import re

import pytest

from lakehouse.schema.event import FlightKey
from lakehouse.table.planner import Dates
from query_service.queries.model import CURSOR_PATTERN, Filters, FlightRequest, Order, StatsRequest, cursor_of

JANUARY = Dates(dt.date(2013, 1, 1), dt.date(2013, 1, 31))


def question(filters: Filters = Filters(), group_by: tuple[str, ...] = ("carrier", "origin")) -> StatsRequest:  # noqa: B008 - frozen
    return StatsRequest(filters, group_by, (Order("flights", True),), 10)


def test_questions_that_differ_in_dates_order_or_limit_have_the_same_shape() -> None:
    asked = question()
    assert question(Filters(JANUARY)).rollup_key == asked.rollup_key
    assert question(group_by=("origin", "carrier")).rollup_key == asked.rollup_key
    assert StatsRequest(Filters(), ("carrier", "origin"), (), 999, snapshot=7).rollup_key == asked.rollup_key


def test_questions_that_differ_in_filters_or_groups_have_another_shape() -> None:
    asked = question()
    assert question(Filters(carrier=("UA",))).rollup_key != asked.rollup_key
    assert question(group_by=("carrier",)).rollup_key != asked.rollup_key


@pytest.mark.parametrize(
    ("group_by", "is_within"),
    [((), False), (("carrier", "weekday"), False), (("month",), True), (("carrier", "flight_date"), True)],
)
def test_groups_by_date_or_month_are_within_months(group_by: tuple[str, ...], is_within: bool) -> None:
    assert question(group_by=group_by).rollup_key.is_within_months == is_within


def test_a_flight_depends_on_its_date_alone() -> None:
    day = dt.date(2013, 1, 5)
    assert FlightRequest(FlightKey(day, "UA", 1, "", "EWR"), None, 0.0).dates == Dates(day, day)


@pytest.mark.parametrize("flight_id", ["2013-01-01-9E-1-EWR", "2013-12-31-UAL-9999Z-KEWR", "2013-01-01-UA-1545-EWR"])
def test_a_cursor_needs_no_escape_in_a_url_and_holds_the_flight(flight_id: str) -> None:
    cursor = cursor_of(flight_id)
    assert re.fullmatch(CURSOR_PATTERN, cursor)
    assert base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode() == flight_id
