"""A micro-batch: decoded messages until there are enough rows or bytes, or the oldest waited long enough.

Knows rows, bytes and age; nothing of storage. Time comes in as seconds of a monotonic clock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import pyarrow as pa

from ingest_writer.decode import Decoded, RejectedLine, Row
from lakehouse.event import EVENT_SCHEMA, REJECTED_SCHEMA

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_KEY_COLUMNS = 5
MESSAGE_ID = EVENT_SCHEMA.get_field_index("message_id")
"""Where a row says which message it came from."""


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
    message_ids: Sequence[str]  # in the order of ack_ids
    received_s: float
    until_s: float

    def of(self, message_ids: Set[str], *, are_in: bool) -> Lease:
        """Of those messages that are among these, or of those that are not."""
        both = zip(self.ack_ids, self.message_ids, strict=True)
        kept = [(ack_id, message_id) for ack_id, message_id in both if (message_id in message_ids) == are_in]
        return Lease([a for a, _ in kept], [m for _, m in kept], self.received_s, self.until_s)


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

    def without(self, message_ids: Set[str]) -> Batch:
        """The rows, rejected lines and leases of all other messages; of the same age and, at most, size."""
        rest = Batch(self.opened_s, byte_count=self.byte_count, unknown_fields=self.unknown_fields)
        for date, rows in self.rows.items():
            if kept := [row for row in rows if row[MESSAGE_ID] not in message_ids]:
                rest.rows[date] = kept
        for date, lines in self.rejected.items():
            if kept_lines := [line for line in lines if line.message_id not in message_ids]:
                rest.rejected[date] = kept_lines
        rest.leases = [
            kept_lease for lease in self.leases if (kept_lease := lease.of(message_ids, are_in=False)).ack_ids
        ]
        rest.row_count = sum(map(len, rest.rows.values())) + sum(map(len, rest.rejected.values()))
        return rest

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
