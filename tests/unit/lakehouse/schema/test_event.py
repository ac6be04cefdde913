"""The table of fields and the columns that come from it, and flight ids."""

from __future__ import annotations

import datetime as dt

import jsonschema
import pytest

from lakehouse.schema.event import (
    COLUMNS,
    EVENT_SCHEMA,
    FIELD,
    FIELDS,
    KEY,
    ORDER,
    REQUIRED,
    FlightKey,
    parse_flight_id,
)
from lakehouse.schema.fields import Field, Integer, Text
from lakehouse.schema.json_schema import values
from lakehouse.schema.versions import schema_of


def test_columns_of_the_first_formats_stay_those_of_the_contract() -> None:
    """Formats 1 and 2 have the same ones; a later format adds some."""
    contract = """
        flight_date date32[day], carrier string, flight_number int32, operational_suffix string, origin string,
        destination string, diverted_to string, scheduled_departure timestamp[us, tz=UTC],
        scheduled_departure_hour int8, scheduled_arrival timestamp[us, tz=UTC],
        actual_departure timestamp[us, tz=UTC], actual_arrival timestamp[us, tz=UTC], status string,
        departure_delay_minutes int32, arrival_delay_minutes int32, air_time_minutes int32, distance_km int32,
        tail_number string, event_time timestamp[us, tz=UTC], publish_time timestamp[us, tz=UTC], message_id string,
        message_line int32, decoder_version int32"""
    assert ", ".join(f"{field.name} {field.type}" for field in schema_of(2)) == " ".join(contract.split())
    assert schema_of(1) == schema_of(2)


def test_columns_are_the_fields_in_their_order() -> None:
    assert tuple(EVENT_SCHEMA.names) == COLUMNS
    assert all(field.nullable and field.metadata is None for field in EVENT_SCHEMA)
    assert EVENT_SCHEMA.metadata is None


def test_columns_that_are_never_null_are_those_of_the_contract() -> None:
    assert set(REQUIRED) == {*KEY, *ORDER, "destination", "scheduled_departure", "scheduled_departure_hour", "status"}


def test_no_two_fields_have_one_name() -> None:
    assert len(FIELD) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: str(field.name))
def test_a_field_is_described_in_sentences(field: Field) -> None:
    for text in filter(None, (field.description, field.rules)):
        assert text[0].isupper()
        assert text.endswith(".")
        assert not set(text) & set("`|*\n"), "it is shown where these have a meaning, and where they have none"
    assert len(field.description) <= 100
    if isinstance(field, Integer):
        assert field.unit in field.description


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: str(field.name))
def test_a_field_has_limits_and_an_example_within_them(field: Field) -> None:
    jsonschema.validate(field.example, values(field))
    if isinstance(field, Text) and field.from_publisher:
        assert sum(map(bool, (field.pattern, field.choices))) == 1
    if isinstance(field, Integer):
        most = 1 << field.arrow_type.bit_width - 1
        assert -most <= field.minimum < field.maximum < most


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
