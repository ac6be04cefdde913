"""From a file's values to an event: what programs write for dates, numbers, times and local hours."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from ingest_writer.backfill.file_events import ValueRejectedError, event_row, raw_of
from ingest_writer.decoding.event import Origin, RejectError
from ingest_writer.decoding.line import parse_object
from tests._support.events.builders import PUBLISHED, by_column, event, microseconds, without

ORIGIN = Origin(microseconds(PUBLISHED), "load:x", 0)
NOON = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)


def row(**changes: Any) -> dict[str, Any]:
    return by_column(event_row(event(**changes), ORIGIN, Counter()))


def reason(**changes: Any) -> str:
    with pytest.raises(RejectError) as caught:
        row(**changes)
    return caught.value.reason


# -- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        dt.date(2013, 1, 1),
        dt.datetime(2013, 1, 1),  # noqa: DTZ001
        dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
        "2013-01-01 00:00:00",
        "2013-01-01T00:00:00.000Z",
        "2013-01-01 00:00:00.000000+00:00",
    ],
)
def test_a_midnight_is_a_date(value: object) -> None:
    assert row(flight_date=value)["flight_date"] == dt.date(2013, 1, 1)


@pytest.mark.parametrize("value", [5, 5.0, Decimal("5.00")])
def test_an_integral_number_is_an_integer(value: object) -> None:
    assert row(departure_delay_minutes=value)["departure_delay_minutes"] == 5
    assert type(row(departure_delay_minutes=value)["departure_delay_minutes"]) is int


@pytest.mark.parametrize("name", ["departure_delay_minutes", "tail_number", "scheduled_arrival", "diverted_to"])
@pytest.mark.parametrize("value", [None, float("nan"), Decimal("nan")])
def test_not_a_number_is_unknown(name: str, value: object) -> None:
    assert row(**{name: value})[name] is None


def test_bytes_are_text_if_they_are_utf8() -> None:
    assert row(tail_number=b"N14228")["tail_number"] == "N14228"
    assert reason(tail_number=b"\xff").endswith("not UTF-8")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("flight_date", dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC), "flight_date is 2013-01-01 05:00:00+00:00: a time"),
        ("flight_date", 15706, "flight_date is 15706: Expected"),
        ("departure_delay_minutes", 5.5, "departure_delay_minutes is 5.5: Expected `int"),
        ("departure_delay_minutes", float("inf"), "departure_delay_minutes is inf: "),
        ("departure_delay_minutes", True, "departure_delay_minutes is True: a truth value is no number"),
        ("departure_delay_minutes", "x", "departure_delay_minutes is 'x': Expected `int"),
        ("distance_km", -1, "distance_km is -1: "),
        ("tail_number", True, "tail_number is True: a truth value is no text"),
        ("carrier", 99, "carrier is 99: Expected `str`"),
        ("carrier", "ua", "carrier is 'ua': "),
        ("carrier", "x" * 1000, f"carrier is '{'x' * 99}...: "),
        ("status", "late", "status is 'late': Invalid enum value"),
        ("event_time", "2013-01-01 11:00:00Z", "event_time is '2013-01-01 11:00:00Z': "),
        ("event_time", dt.datetime(2013, 1, 1, 11), "event_time is 2013-01-01 11:00:00: "),  # noqa: DTZ001
        ("event_time", 1357034400000, "event_time is 1357034400000: "),
        ("scheduled_departure_hour", 24, "scheduled_departure_hour is 24: takes an hour from 0 to 23"),
        ("scheduled_departure_hour", "5", "scheduled_departure_hour is '5': takes an hour from 0 to 23"),
    ],
)
def test_a_rejected_value_is_shown_with_its_column(name: str, value: object, expected: str) -> None:
    assert reason(**{name: value}).startswith(expected)


def test_reasons_that_differ_in_their_values_are_of_one_kind() -> None:
    kinds = set()
    for value in ("a", "b"):
        with pytest.raises(ValueRejectedError) as caught:
            row(carrier=value)
        kinds.add(caught.value.kind)
    assert len(kinds) == 1


def test_an_object_within_the_event_is_called_one() -> None:
    values = parse_object(json.dumps(event(carrier={"code": "UA"})).encode(), keep_numbers=True)
    with pytest.raises(RejectError, match=r"carrier is \{...\}: Expected `str`, got `object`"):
        event_row(values, ORIGIN, Counter())


def test_a_missing_field_and_an_unknown_one_are_told() -> None:
    unknown: Counter[str] = Counter()
    with pytest.raises(RejectError, match="missing required field `carrier`"):
        event_row(without("carrier") | {"unlisted": "A", "message_id": "x"}, ORIGIN, unknown)
    assert unknown == {"unlisted": 1}


# -- times -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01 12:00:00+00",
        "2013-01-01 12:00:00+00:00",
        "2013-01-01T12:00:00.000000+0000",
        "2013-01-01 07:00:00-05",
        "2013-01-01 12:00:00 UTC",
        "2013-01-01 12:00:00.000000Z",
        "2013-01-01T12:00:00Z",
    ],
)
def test_times_as_engines_write_them_are_times(text: str) -> None:
    assert row(scheduled_arrival=text)["scheduled_arrival"] == microseconds("2013-01-01T12:00:00Z")


@pytest.mark.parametrize(
    "departure",
    [dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC), "2013-01-01T10:15:00Z", "2013-01-01 10:15:00+00"],
)
@pytest.mark.parametrize("hour", [*range(24)])
def test_the_hour_next_to_a_time_in_utc_is_the_local_one(departure: object, hour: int) -> None:
    found = row(scheduled_departure=departure, scheduled_departure_hour=hour)
    assert found["scheduled_departure_hour"] == hour
    assert found["scheduled_departure"] == microseconds("2013-01-01T10:15:00Z")


@pytest.mark.parametrize("departure", ["2013-01-01 05:15:00-05", "2013-01-01T05:15:00.000000-0500"])
def test_the_offset_of_an_engines_text_is_its_sessions_and_the_hour_counts(departure: str) -> None:
    """DuckDB writes times in the zone of the machine: a flight from Denver has New York's offset there."""
    found = row(scheduled_departure=departure, scheduled_departure_hour=3)
    assert found["scheduled_departure_hour"] == 3
    assert found["scheduled_departure"] == microseconds("2013-01-01T10:15:00Z")


def test_the_date_of_the_local_hour_counts_for_the_flight_date() -> None:
    # 01:30 UTC of the 9th is the evening of the 8th in New York, 7 days from the 1st.
    found = row(scheduled_departure="2013-01-09T01:30:00Z", scheduled_departure_hour=20)
    assert found["flight_date"] == dt.date(2013, 1, 1)
    assert "8 days" in reason(scheduled_departure="2013-01-09T01:30:00Z", scheduled_departure_hour=1)


def test_an_hour_that_contradicts_the_offset_rejects_the_row() -> None:
    assert row(scheduled_departure="2013-01-01T05:15:00-05:00", scheduled_departure_hour=5)
    expected = "scheduled_departure_hour is 10: contradicts scheduled_departure, whose local hour is 5"
    assert reason(scheduled_departure="2013-01-01T05:15:00-05:00", scheduled_departure_hour=10) == expected


@pytest.mark.parametrize("departure", [NOON, "2013-01-01 12:00:00+00", "2013-01-01 07:00:00-05:00"])
def test_a_timestamp_without_its_local_hour_rejects_the_row(departure: object) -> None:
    assert "its local hour is unknown; give it as text" in reason(scheduled_departure=departure)


@pytest.mark.parametrize("departure", ["infinity", "2013-13-01T00:00:00Z", "", 5, "2013-01-01T05:15:00"])
def test_a_departure_that_is_none_is_rejected_with_or_without_its_hour(departure: object) -> None:
    for hour in (None, 5):
        assert reason(scheduled_departure=departure, scheduled_departure_hour=hour)


# -- bytes -----------------------------------------------------------------------------------------------------


def test_the_bytes_of_a_row_decode_to_the_same_row() -> None:
    values = event(
        flight_date=dt.date(2013, 1, 1),
        scheduled_departure=dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC),
        scheduled_departure_hour=5,
        scheduled_arrival=NOON,
        tail_number=None,
    )
    again = event_row(json.loads(raw_of(values)), ORIGIN, Counter())
    assert again == event_row(values, ORIGIN, Counter())


def test_the_bytes_of_a_row_without_its_local_hour_never_decode() -> None:
    raw = raw_of(event(scheduled_departure=NOON))
    with pytest.raises(RejectError):
        event_row(json.loads(raw), ORIGIN, Counter())
