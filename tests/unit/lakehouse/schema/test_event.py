"""Flight ids, and that the constants agree with each other."""

from __future__ import annotations

import datetime as dt

import pytest

from lakehouse.schema.event import COLUMNS, KEY, ORDER, REQUIRED, FlightKey, parse_flight_id


def test_columns_are_those_of_the_contract_in_its_order() -> None:
    expected = (
        *("flight_date", "carrier", "flight_number", "operational_suffix", "origin", "destination", "diverted_to"),
        *("scheduled_departure", "scheduled_departure_hour", "scheduled_arrival", "actual_departure", "actual_arrival"),
        *(
            "status",
            "departure_delay_minutes",
            "arrival_delay_minutes",
            "air_time_minutes",
            "distance_km",
            "tail_number",
        ),
        *("event_time", "publish_time", "message_id", "message_line", "decoder_version"),
    )
    assert expected == COLUMNS
    assert set(KEY) | set(ORDER) <= set(REQUIRED) <= set(COLUMNS)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2013-01-01-UA-1545-EWR", FlightKey(dt.date(2013, 1, 1), "UA", 1545, "", "EWR")),
        ("2013-12-31-9E-1A-KJFK", FlightKey(dt.date(2013, 12, 31), "9E", 1, "A", "KJFK")),
    ],
)
def test_a_flight_id_is_written_and_read_back(text: str, key: FlightKey) -> None:
    assert parse_flight_id(text) == key
    assert key.flight_id == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2013-01-01-UA-1545",
        "2013-02-30-UA-1545-EWR",
        "2013-01-01-ua-1545-EWR",
        "2013-01-01-UA-0-EWR",
        "2013-01-01-UA-01545-EWR",
        "2013-01-01-UA-15450-EWR",
        "2013-01-01-UA-1545AB-EWR",
        "2013-01-01-UA-1545-EWR\n",
        "2013-01-01-UA-１５-EWR",
    ],
)
def test_a_text_that_is_no_flight_id_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_flight_id(text)
