"""What decoding gives, as tables: events, and rejected lines with their reasons."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.schema.event import EVENT_SCHEMA, KEY, REJECTED_SCHEMA

Row = tuple[Any, ...]
"""Values in the order of lakehouse.schema.event.EVENT_SCHEMA; timestamps as microseconds since 1970 UTC."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NO_EVENTS: Final = EVENT_SCHEMA.empty_table()
UNKNOWN_NAMES: Final = 1000
"""Of unknown fields, counted one by one; the others are counted together."""
OTHER_NAMES: Final = "(others)"


class RejectedLine(NamedTuple):
    """A line that cannot be used, in the order of lakehouse.schema.event.REJECTED_SCHEMA."""

    bytes: bytes
    attributes: Mapping[str, str]
    stage: str
    reason: str
    message_id: str
    message_line: int
    publish_time_us: int


@dataclass(frozen=True)
class Decoded:
    """What became of some lines: events (EVENT_SCHEMA), rejected lines, and how many unknown fields were ignored."""

    events: pa.Table
    rejected: list[RejectedLine] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)


def event_table(rows: Sequence[Row]) -> pa.Table:
    """Rows as columns of EVENT_SCHEMA, in their order."""
    if not rows:
        return NO_EVENTS
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, EVENT_SCHEMA, strict=True)], schema=EVENT_SCHEMA)


def sorted_by_key(events: pa.Table) -> pa.Table:
    """The same rows by flight: neighbours alike compress well."""
    return events.take(pc.sort_indices(events, sort_keys=[(column, "ascending") for column in KEY]))


def by_flight_date(tables: Iterable[pa.Table]) -> dict[dt.date, pa.Table]:
    """The events of all tables, a table a flight date, sorted by key."""
    events = sorted_by_key(pa.concat_tables([NO_EVENTS, *tables]).combine_chunks())
    dates: dict[dt.date, pa.Table] = {}
    start = 0
    for date, rows in (tuple(each.values()) for each in events["flight_date"].value_counts().to_pylist()):
        dates[date] = events.slice(start, rows)  # sorted: the rows of a date are together, in this order
        start += rows
    return dates


def by_publish_date(lines: Iterable[RejectedLine]) -> dict[dt.date, list[RejectedLine]]:
    """Rejected lines by the date (UTC) on which their messages were published."""
    dates: dict[dt.date, list[RejectedLine]] = {}
    for line in lines:
        published = _EPOCH + dt.timedelta(microseconds=line.publish_time_us)
        dates.setdefault(published.date(), []).append(line)
    return dates


def rejected_table(lines: Sequence[RejectedLine]) -> pa.Table:
    """Rejected lines as columns of REJECTED_SCHEMA."""
    columns = list(zip(*lines, strict=True))
    columns[1] = tuple(list(attributes.items()) for attributes in columns[1])
    arrays = [pa.array(c, f.type) for c, f in zip(columns, REJECTED_SCHEMA, strict=True)]
    return pa.table(arrays, schema=REJECTED_SCHEMA)
