"""Columns that have their types are held to the same rules as the fields of a line."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from ingest_writer.decoding.event import Origin, RejectError
from ingest_writer.decoding.line import decode_object
from ingest_writer.decoding.typed import typed_events
from lakehouse.schema.event import EVENT_SCHEMA
from tests._support.events.builders import microseconds, rows_of

ORIGIN = Origin(microseconds("2013-07-02T00:00:00Z"), "load:x", 7)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


VALUES: dict[str, Any] = {
    "flight_date": dt.date(2013, 7, 1),
    "carrier": "UA",
    "flight_number": 1545,
    "origin": "EWR",
    "destination": "IAH",
    "scheduled_departure": at("2013-07-01T09:15:00"),
    "scheduled_departure_hour": 9,
    "scheduled_arrival": at("2013-07-01T13:19:00"),
    "actual_departure": at("2013-07-01T09:17:00"),
    "actual_arrival": at("2013-07-01T13:30:00"),
    "status": "arrived",
    "departure_delay_minutes": 2,
    "arrival_delay_minutes": 11,
    "air_time_minutes": 227,
    "distance_km": 2253,
    "tail_number": "N37408",
    "event_time": at("2013-07-01T13:30:00"),
}


def typed(*rows: dict[str, Any]) -> tuple[pa.Table, list[bool]]:
    columns = {
        name: pa.array(
            [row[name] for row in rows],
            pa.int64() if isinstance(VALUES[name], int) else EVENT_SCHEMA.field(name).type,
        )
        for name in VALUES
    }
    events, is_bad = typed_events(columns, ORIGIN)
    return events, is_bad.to_pylist()


def line_by_line(row: dict[str, Any], number: int) -> tuple[Any, ...]:
    fields = {name: value for name, value in row.items() if name != "scheduled_departure_hour" and value is not None}
    return decode_object(fields, ORIGIN._replace(message_line=ORIGIN.message_line + number), Counter())


def test_an_event_is_the_one_that_its_fields_make() -> None:
    unknown = dict.fromkeys(("scheduled_arrival", "actual_arrival", "arrival_delay_minutes", "tail_number"))
    rows = [VALUES, {**VALUES, **unknown}, {**VALUES, "departure_delay_minutes": None, "arrival_delay_minutes": None}]
    events, is_bad = typed(*rows)
    assert events.schema == EVENT_SCHEMA
    assert is_bad == [False] * 3
    assert rows_of(events) == [line_by_line(row, number) for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    "changed",
    [
        {"flight_date": dt.date(1979, 12, 31)},
        {"flight_date": dt.date(2013, 7, 10)},
        {"flight_date": None},
        {"carrier": "ua"},
        {"carrier": None},
        {"flight_number": 0},
        {"flight_number": 10_000},
        {"origin": "not one"},
        {"destination": None},
        {"status": "late"},
        {"status": None},
        {"scheduled_departure": None},
        {"scheduled_arrival": at("2013-07-01T09:14:00")},
        {"actual_arrival": at("2013-07-01T09:16:00")},
        {"departure_delay_minutes": -1441},
        {"arrival_delay_minutes": 10_081},
        {"arrival_delay_minutes": None, "actual_arrival": at("2013-07-04T13:20:00")},
        {"air_time_minutes": -1},
        {"distance_km": 2**40},
        {"tail_number": "N 37408"},
        {"event_time": at("2013-07-03T00:00:00.000001")},
        {"event_time": None},
    ],
)
def test_a_row_that_breaks_a_rule_is_bad(changed: dict[str, Any]) -> None:
    row = VALUES | changed
    _, is_bad = typed(VALUES, row)
    assert is_bad == [False, True]
    with pytest.raises(RejectError):
        line_by_line(row, 1)
