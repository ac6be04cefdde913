"""A micro-batch: decoded messages until there are enough rows or bytes, or the oldest waited long enough.

Knows rows, bytes and age; nothing of storage. Time comes in as seconds of a monotonic clock.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.tables import Decoded, RejectedLine

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


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
    """Events, rejected lines by the date they were published, and the messages they came from."""

    opened_s: float
    events: list[pa.Table] = field(default_factory=list)
    rejected: dict[dt.date, list[RejectedLine]] = field(default_factory=dict)
    leases: list[Lease] = field(default_factory=list)
    row_count: int = 0
    byte_count: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)

    def add(self, decoded: Decoded, lease: Lease, byte_count: int) -> None:
        """Takes the outcome of one pull whole, so that all lines of a message are in one batch."""
        if decoded.events.num_rows:
            self.events.append(decoded.events)
        for line in decoded.rejected:
            self.rejected.setdefault(_date(line.publish_time_us), []).append(line)
        self.leases.append(lease)
        self.unknown_fields.update(decoded.unknown_fields)
        self.row_count += decoded.events.num_rows + len(decoded.rejected)
        self.byte_count += byte_count

    def without(self, message_ids: Set[str]) -> Batch:
        """The rows, rejected lines and leases of all other messages; of the same age and, at most, size."""
        rest = Batch(self.opened_s, byte_count=self.byte_count, unknown_fields=self.unknown_fields)
        ids = pa.array(sorted(message_ids), pa.string())
        kept = (events.filter(pc.invert(pc.is_in(events["message_id"], ids))) for events in self.events)
        rest.events = [events for events in kept if events.num_rows]
        for date, lines in self.rejected.items():
            if kept_lines := [line for line in lines if line.message_id not in message_ids]:
                rest.rejected[date] = kept_lines
        rest.leases = [
            kept_lease for lease in self.leases if (kept_lease := lease.of(message_ids, are_in=False)).ack_ids
        ]
        rest.row_count = rest.event_count + rest.rejected_count
        return rest

    def is_full(self, limits: Limits) -> bool:
        return self.row_count >= limits.max_rows or self.byte_count >= limits.max_bytes

    def due_s(self, limits: Limits) -> float:
        """When its age alone closes it."""
        return self.opened_s + limits.max_age_s

    @property
    def event_count(self) -> int:
        return sum(events.num_rows for events in self.events)

    @property
    def rejected_count(self) -> int:
        return sum(map(len, self.rejected.values()))

    @property
    def ack_ids(self) -> list[str]:
        return [ack_id for lease in self.leases for ack_id in lease.ack_ids]


def _date(publish_time_us: int) -> dt.date:
    return (_EPOCH + dt.timedelta(microseconds=publish_time_us)).date()
