"""Conditions by where they may stand: key columns before "newest wins", all others after it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from lakehouse.schema.event import FlightKey
from lakehouse.table.latest_sql import VISIBLE, without_probes
from lakehouse.table.planner import Dates
from query_service.queries.filters_sql import conditions
from query_service.queries.model import Filters


def test_without_filters_probes_and_withdrawn_flights_are_left_out() -> None:
    where = conditions(Filters())
    assert (where.before, where.after, where.values) == (without_probes(), VISIBLE, {})


def test_a_carrier_that_is_named_may_be_that_of_the_probes() -> None:
    where = conditions(Filters(carrier=("ZZ",)))
    assert (where.before, where.values) == ("carrier = $carrier", {"carrier": "ZZ"})


@pytest.mark.parametrize(
    ("filters", "before", "after"),
    [
        ({"origin": ("EWR",)}, "origin = $origin", ""),
        ({"origin": ("EWR", "JFK")}, "list_contains($origin, origin)", ""),
        ({"flight_number": (1, 2)}, "list_contains($flight_number, flight_number)", ""),
        ({"destination": ("IAH",)}, "", "destination = $destination"),
        ({"tail_number": ("N1", "N2")}, "", "list_contains($tail_number, tail_number)"),
        ({"status": ("arrived",)}, "", "status = $status"),
        ({"weekday": (1,)}, "isodow(flight_date) = $weekday", ""),
        ({"weekday": (6, 7)}, "list_contains($weekday, isodow(flight_date))", ""),
        ({"hour": (0,)}, "", "scheduled_departure_hour = $hour"),
        ({"hour": (7, 8)}, "", "list_contains($hour, scheduled_departure_hour)"),
    ],
)
def test_a_filter_stands_before_the_decision_only_when_it_is_on_the_key(
    filters: dict[str, Any], before: str, after: str
) -> None:
    where = conditions(Filters(**filters))
    assert where.before == " AND ".join(filter(None, [without_probes(), before]))
    assert where.after == " AND ".join(filter(None, [VISIBLE, after]))
    [(name, values)] = filters.items()
    assert where.values == {name: values[0] if len(values) == 1 else list(values)}


@pytest.mark.parametrize(
    ("dates", "first_conditions"),
    [
        (Dates(dt.date(2013, 1, 1), None), "flight_date >= $date_from"),
        (Dates(None, dt.date(2013, 1, 31)), "flight_date <= $date_to"),
        (
            Dates(dt.date(2013, 1, 1), dt.date(2013, 1, 31)),
            "flight_date >= $date_from AND flight_date <= $date_to",
        ),
    ],
)
def test_dates_are_limits_that_are_inside(dates: Dates, first_conditions: str) -> None:
    where = conditions(Filters(dates))
    assert where.before == f"{first_conditions} AND {without_probes()}"
    assert set(where.values.values()) == {dates.first, dates.last} - {None}


def test_a_page_goes_on_above_a_whole_key_whatever_the_filters_bind() -> None:
    key = FlightKey(dt.date(2013, 1, 5), "UA", 1545, "A", "EWR")
    where = conditions(Filters(carrier=("AA",)), beyond=key)
    assert where.before.endswith(
        "(flight_date, carrier, flight_number, operational_suffix, origin) > ($beyond_flight_date, $beyond_carrier,"
        " $beyond_flight_number, $beyond_operational_suffix, $beyond_origin)"
    )
    assert (where.values["carrier"], where.values["beyond_carrier"]) == ("AA", "UA")


def test_a_value_is_bound_and_never_part_of_the_text() -> None:
    where = conditions(Filters(tail_number=("'; DROP TABLE flights; --",)))
    assert "DROP" not in where.before + where.after
