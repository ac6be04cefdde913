"""An event while it is decoded: its fields as msgspec checks them, its origin, its row, its rejection.

The limits of the fields are those of the table in `lakehouse.schema.event`.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import pyarrow as pa
from msgspec import Meta

from lakehouse.schema import event as rules
from lakehouse.schema.event import EVENT_SCHEMA, FIELD
from lakehouse.schema.fields import Integer, Text, Time

Row = tuple[Any, ...]
"""Values in the order of lakehouse.schema.event.EVENT_SCHEMA; timestamps as microseconds since 1970 UTC."""

_REASON_CHARACTERS: Final = 500  # enough to see what is wrong; the bytes are kept anyway


@cache
def no_events() -> pa.Table:
    """A table without rows; not made at import: see `lakehouse.no_pandas`."""
    return EVENT_SCHEMA.empty_table()


def limits(name: str) -> Meta:
    """What the type of the field `name` does not say by itself."""
    match FIELD[name]:
        case Integer(minimum=minimum, maximum=maximum):
            return Meta(ge=minimum, le=maximum)
        case Text(pattern=str(pattern)):
            return Meta(pattern=rf"^{pattern}\Z")
        case Time():
            return Meta(tz=True)
        case field:
            raise TypeError(f"{name}: msgspec has no limits for {type(field).__name__}")


class Event(msgspec.Struct, gc=False):
    """The fields of one JSON object, each valid by itself."""

    flight_date: dt.date
    carrier: Annotated[str, limits("carrier")]
    flight_number: Annotated[int, limits("flight_number")]
    origin: Annotated[str, limits("origin")]
    destination: Annotated[str, limits("destination")]
    scheduled_departure: Annotated[dt.datetime, limits("scheduled_departure")]
    status: rules.Status
    event_time: Annotated[dt.datetime, limits("event_time")]
    operational_suffix: Annotated[str, limits("operational_suffix")] | None = None
    diverted_to: Annotated[str, limits("diverted_to")] | None = None
    scheduled_arrival: Annotated[dt.datetime, limits("scheduled_arrival")] | None = None
    actual_departure: Annotated[dt.datetime, limits("actual_departure")] | None = None
    actual_arrival: Annotated[dt.datetime, limits("actual_arrival")] | None = None
    departure_delay_minutes: Annotated[int, limits("departure_delay_minutes")] | None = None
    arrival_delay_minutes: Annotated[int, limits("arrival_delay_minutes")] | None = None
    tail_number: Annotated[str, limits("tail_number")] | None = None
    air_time_minutes: Annotated[int, limits("air_time_minutes")] | None = None
    distance_km: Annotated[int, limits("distance_km")] | None = None


class Origin(NamedTuple):
    """Where a line came from: three of the five parts of the order."""

    publish_time_us: int
    message_id: str
    message_line: int


class RejectError(Exception):
    """This line cannot be used. `stage` is `decode` (not a JSON object) or `validate` (not an event)."""

    def __init__(self, stage: str, reason: str) -> None:
        # A reason may quote the line, which can be long, and have halves of characters: those have no UTF-8.
        if len(reason) > _REASON_CHARACTERS:
            reason = f"{reason[: _REASON_CHARACTERS - 100]} ... {reason[-95:]}"  # the end says where
        storable = reason.encode(errors="backslashreplace").decode()
        super().__init__(storable)
        self.stage = stage
        self.reason = storable
