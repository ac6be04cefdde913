"""Builds events, messages and their expected rows from plain Python values."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from ingest_writer.decoding.event import Row
from ingest_writer.message import Message
from lakehouse.schema.event import COLUMNS, FIELDS

Event = dict[str, Any]

PUBLISHED = "2013-01-01T12:00:00Z"


def microseconds(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time that Python can read."""
    return (dt.datetime.fromisoformat(text) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def event(**changes: Any) -> Event:
    """A valid event of the required fields, with `changes` by field."""
    required: Event = {
        "flight_date": "2013-01-01",
        "carrier": "UA",
        "flight_number": 1545,
        "origin": "EWR",
        "destination": "IAH",
        "scheduled_departure": "2013-01-01T05:15:00-05:00",
        "status": "scheduled",
        "event_time": "2013-01-01T11:00:00Z",
    }
    return required | changes


def whole_event(**changes: Any) -> Event:
    """A valid event with every field of the first format."""
    return event(
        operational_suffix="A",
        diverted_to="DFW",
        scheduled_arrival="2013-01-01T08:19:00-06:00",
        actual_departure="2013-01-01T05:17:00-05:00",
        actual_arrival="2013-01-01T08:30:00-06:00",
        status="diverted",
        departure_delay_minutes=2,
        arrival_delay_minutes=11,
        tail_number="N14228",
        air_time_minutes=227,
        distance_km=2253,
    ) | (changes)


def later_fields() -> Event:
    """The examples of the fields that formats after the first have added: a publisher may send them since."""
    return {field.name: field.example for field in FIELDS if field.from_publisher and field.since_format > 1}


def without(name: str) -> Event:
    return {field: value for field, value in event().items() if field != name}


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def line(**changes: Any) -> bytes:
    """A valid event as JSON."""
    return encode(event(**changes))


def raw(name: str, text: bytes) -> bytes:
    """A valid event, except that the field `name` is written as the JSON `text`."""
    return encode(without(name))[:-1] + b', "' + name.encode() + b'": ' + text + b"}"


def message(
    data: bytes,
    message_id: str = "1",
    published: str = PUBLISHED,
    attributes: Mapping[str, str] | None = None,
) -> Message:
    return Message(f"ack-{message_id}", data, attributes or {}, message_id, microseconds(published))


def rows_of(events: pa.Table) -> list[Row]:
    """Rows as they are decoded: timestamps as microseconds."""
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in events.columns]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def by_column(row: Row) -> dict[str, Any]:
    return dict(zip(COLUMNS, row, strict=True))


def ids() -> Callable[[], str]:
    """Names that are unique and the same in every run."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):032x}"
