"""A micro-batch: messages until there are enough lines or bytes, or the oldest waited long enough.

Knows lines, bytes and age; nothing of decoding or storage. Time comes in as seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from ingest_writer.message import Message


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
    """Messages, and the right to ack them. Once they are prepared, only the right is left."""

    opened_s: float
    messages: list[Message] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    row_count: int = 0
    """Lines: as many events and rejected lines there can be."""
    byte_count: int = 0
    """Of data and attributes: both are in memory until the batch is prepared."""

    def add(self, messages: Sequence[Message], received_s: float, until_s: float) -> None:
        """Takes a pull whole, so that all lines of a message are in one batch."""
        self.messages += messages
        self.leases.append(Lease([m.ack_id for m in messages], [m.message_id for m in messages], received_s, until_s))
        self.row_count += sum(_lines(message.data) for message in messages)
        self.byte_count += sum(len(message.data) + _attribute_bytes(message) for message in messages)

    def take_apart(self, message_ids: Set[str]) -> list[Lease]:
        """Gives away the right to these messages."""
        theirs = [lease.of(message_ids, are_in=True) for lease in self.leases]
        ours = [lease.of(message_ids, are_in=False) for lease in self.leases]
        self.leases = [lease for lease in ours if lease.ack_ids]
        return [lease for lease in theirs if lease.ack_ids]

    def is_full(self, limits: Limits) -> bool:
        return self.row_count >= limits.max_rows or self.byte_count >= limits.max_bytes

    def due_s(self, limits: Limits) -> float:
        """When its age alone closes it."""
        return self.opened_s + limits.max_age_s

    @property
    def ack_ids(self) -> list[str]:
        return [ack_id for lease in self.leases for ack_id in lease.ack_ids]


def _lines(data: bytes) -> int:
    """A newline at the end begins no other line; nothing at all is a line, which is rejected."""
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _attribute_bytes(message: Message) -> int:
    return sum(len(name) + len(value) for name, value in message.attributes.items()) if message.attributes else 0
