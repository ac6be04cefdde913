"""The rules of an event over columns that have their types already: rows of files, many at once.

It is what `line.to_row` is for one row, and leaves it every row that breaks a rule. A rule here may be
stricter than it has to be, never laxer: this path only saves time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.decoding.event import Origin
from ingest_writer.decoding.line import MAX_US, MIN_US
from ingest_writer.decoding.vectorized import ColumnValidator
from lakehouse.schema import event as rules
from lakehouse.schema.event import DECODER_VERSION, EVENT_SCHEMA, FIELD
from lakehouse.schema.fields import Date, Integer, Text, Time

_MAX_LEAD_US: Final = rules.MAX_EVENT_LEAD // dt.timedelta(microseconds=1)
_NEAREST_DAYS: Final = rules.MAX_DAYS_FROM_SCHEDULED_DEPARTURE - 1  # the date in UTC is a day off at most
_DELAYS: Final = {
    "departure_delay_minutes": ("actual_departure", "scheduled_departure"),
    "arrival_delay_minutes": ("actual_arrival", "scheduled_arrival"),
}


def typed_events(columns: Mapping[str, pa.Array], first: Origin) -> tuple[pa.Table, pa.Array]:
    """The events of all rows, and for each row whether it breaks a rule and its event is meaningless.

    A column that is not given is unknown in all rows; the local hour is one of them. `first` is the origin
    of the first row, and each further row is a line further.
    """
    rows = len(columns["flight_date"])
    checked = _TypedValidator(rows)
    found = {name: checked.column(name, values) for name, values in columns.items()}
    found |= {
        "publish_time": _repeated("publish_time", first.publish_time_us, rows),
        "message_id": _repeated("message_id", first.message_id, rows),
        "message_line": pa.array(range(first.message_line, first.message_line + rows), pa.int32()),
        "decoder_version": _repeated("decoder_version", DECODER_VERSION, rows),
    }
    for name in EVENT_SCHEMA.names:
        if name not in found:
            found[name] = _repeated(name, getattr(FIELD[name], "default", None), rows)
    checked.near(found["flight_date"], found["scheduled_departure"], found["event_time"], first.publish_time_us)
    checked.in_order(
        (found["scheduled_departure"], found["scheduled_arrival"]),
        (found["actual_departure"], found["actual_arrival"]),
    )
    for delay, (actual, scheduled) in _DELAYS.items():
        found[delay] = checked.delays(found[delay], found[actual], found[scheduled])
    return pa.table([found[name] for name in EVENT_SCHEMA.names], schema=EVENT_SCHEMA), checked.is_bad()


def _repeated(name: str, value: Any, rows: int) -> pa.Array:
    kind = EVENT_SCHEMA.field(name).type
    return pa.repeat(
        pa.scalar(value, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.scalar(value, kind), rows
    )


class _TypedValidator(ColumnValidator):
    """Each column by itself, then the rules that span several."""

    def column(self, name: str, values: pa.Array) -> pa.Array:
        """The values in the type of their column; one that is invalid, or needed and not there, marks its row."""
        field = FIELD[name]
        if not field.is_nullable:
            self._reject(values.is_null())
        match field:
            case Text(choices=()):
                return self.texts(name, values)
            case Text():
                self._reject(pc.invert(pc.is_in(values, pa.array(field.choices))))
                return values
            case Integer() | Date():
                return self._within(values, field.minimum, field.maximum).cast(field.arrow_type)
            case Time():
                return self._within(values.cast(pa.int64()), MIN_US, MAX_US).cast(field.arrow_type)
        raise TypeError(f"{name}: no column for {type(field).__name__}")

    def _within(self, values: pa.Array, minimum: object, maximum: object) -> pa.Array:
        least, most = (pa.scalar(bound, values.type) for bound in (minimum, maximum))
        is_outside = pc.or_(pc.less(values, least), pc.greater(values, most))
        self._reject(is_outside)
        return pc.if_else(is_outside, pa.scalar(None, values.type), values)

    def near(self, dates: pa.Array, departures: pa.Array, event_times: pa.Array, publish_time_us: int) -> None:
        """The scheduled departure is near the flight date, and the event not far ahead of its publish time."""
        apart = pc.subtract(departures.cast(pa.date32()).cast(pa.int32()), dates.cast(pa.int32()))
        self._reject(pc.greater(pc.abs(apart), _NEAREST_DAYS))
        self._reject(pc.greater(event_times.cast(pa.int64()), publish_time_us + _MAX_LEAD_US))
