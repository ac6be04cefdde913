"""A micro-batch: decoded messages until there are enough rows or bytes, or the oldest waited long enough.

Knows rows, bytes and age; nothing of storage. Time comes in as seconds of a monotonic clock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ingest_writer.decode import Decoded, RejectedLine, Row
from lakehouse.event import EVENT_SCHEMA, REJECTED_SCHEMA

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_KEY_COLUMNS = 5


@dataclass(frozen=True)
class Limits:
    """When a batch is full: whichever comes first."""

    max_rows: int
    max_bytes: int
    max_age_s: float


@dataclass(slots=True)
class Lease:
    """The messages of one pull: theirs is the right to be acked until `until_s` (monotonic)."""

    ack_ids: Sequence[str]
    received_s: float
    until_s: float


@dataclass
class Batch:
    """Rows by flight date, rejected lines by the date they were published, and the messages they came from."""

    opened_s: float
    rows: dict[dt.date, list[Row]] = field(default_factory=dict)
    rejected: dict[dt.date, list[RejectedLine]] = field(default_factory=dict)
    leases: list[Lease] = field(default_factory=list)
    row_count: int = 0
    byte_count: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)

    def add(self, decoded: Decoded, lease: Lease, byte_count: int) -> None:
        """Takes the outcome of one pull whole, so that all lines of a message are in one batch."""
        for row in decoded.rows:
            self.rows.setdefault(row[0], []).append(row)
        for line in decoded.rejected:
            self.rejected.setdefault(_date(line.publish_time_us), []).append(line)
        self.leases.append(lease)
        self.unknown_fields.update(decoded.unknown_fields)
        self.row_count += len(decoded.rows) + len(decoded.rejected)
        self.byte_count += byte_count

    def is_full(self, limits: Limits) -> bool:
        return self.row_count >= limits.max_rows or self.byte_count >= limits.max_bytes

    def due_s(self, limits: Limits) -> float:
        """When its age alone closes it."""
        return self.opened_s + limits.max_age_s

    @property
    def ack_ids(self) -> list[str]:
        return [ack_id for lease in self.leases for ack_id in lease.ack_ids]


def event_table(rows: list[Row]) -> pa.Table:
    """Rows as columns of EVENT_SCHEMA, sorted by key (neighbours alike compress well)."""
    columns = zip(*sorted(rows, key=_key), strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, EVENT_SCHEMA, strict=True)], schema=EVENT_SCHEMA)


def rejected_table(lines: list[RejectedLine]) -> pa.Table:
    """Rejected lines as columns of REJECTED_SCHEMA."""
    columns = list(zip(*lines, strict=True))
    columns[1] = tuple(list(attributes.items()) for attributes in columns[1])
    arrays = [pa.array(c, f.type) for c, f in zip(columns, REJECTED_SCHEMA, strict=True)]
    return pa.table(arrays, schema=REJECTED_SCHEMA)


def _key(row: Row) -> Row:
    return row[:_KEY_COLUMNS]


def _date(publish_time_us: int) -> dt.date:
    return (_EPOCH + dt.timedelta(microseconds=publish_time_us)).date()
