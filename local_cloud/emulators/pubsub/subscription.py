"""The messages of one subscription: held back -> ready -> leased to a subscriber -> acked and gone.

Pure bookkeeping: time is an argument and the caller holds the lock. Taking and acking a message
take constant time. Deadlines are a heap; an entry is checked against its lease when it comes up, so
an ack or a new deadline needs no search.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from local_cloud.emulators.pubsub.faults import Dice

# What a delivery adds to its body: the ack id and a few bytes of framing.
_OVERHEAD_BYTES = 200

# As in the error of the real service: clients look at what these begin with.
PERMANENT_FAILURE: Final = "PERMANENT_FAILURE_INVALID_ACK_ID"
TRANSIENT_FAILURE: Final = "TRANSIENT_FAILURE_OTHER"

# Of an exactly-once subscription: a caller whose answer was lost asks again within seconds.
_ACKED_REMEMBERED: Final = 100_000


@dataclass(slots=True, eq=False)
class Retention:
    """The size of a topic's messages that some subscription has not acked."""

    unacked_bytes: int = 0


@dataclass(slots=True, eq=False)
class Message:
    """A published message, shared by the subscriptions of its topic."""

    body: bytes  # a serialised PubsubMessage: freed one by one, unlike messages parsed from one request
    retention: Retention
    unacked_in: int
    number: int = 0  # in the journal

    def acked(self) -> None:
        self.unacked_in -= 1
        if self.unacked_in == 0:
            self.retention.unacked_bytes -= len(self.body)


@dataclass(slots=True, eq=False)
class Outstanding:
    """The unsettled messages of one stream: the server's side of flow control."""

    max_messages: int
    max_bytes: int
    messages: int = 0
    bytes: int = 0

    def has_room(self) -> bool:
        return self.messages < self.max_messages and self.bytes < self.max_bytes

    def add(self, size: int, count: int) -> None:
        self.messages += count
        self.bytes += size


@dataclass(slots=True, eq=False)
class Lease:
    message: Message
    deadline: float
    outstanding: Outstanding | None
    acked_before: bool  # a fault: this delivery is of an acked message


@dataclass(frozen=True, slots=True)
class Delivery:
    ack_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Acked:
    """What became of an ack: numbers of the messages that are gone; of exactly-once delivery, each id's failure."""

    gone: list[int] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


class Subscription:
    def __init__(
        self, topic: str, ack_deadline_s: int, ack_id_prefix: str, dice: Dice, *, is_exactly_once: bool = False
    ) -> None:
        self.topic = topic
        self.ack_deadline_s = ack_deadline_s
        self.is_exactly_once = is_exactly_once
        self._acked: dict[str, None] = {}  # of exactly-once delivery, oldest first: to ack again is no failure
        self._ack_id_prefix = ack_id_prefix
        self._dice = dice
        self._sequence = 0
        self._held: list[tuple[float, int, Message]] = []
        self._ready: deque[tuple[Message, bool]] = deque()
        self._leases: dict[str, Lease] = {}
        self._deadlines: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """Messages that are not acked yet."""
        return len(self._held) + len(self._ready) + len(self._leases)

    def add(self, message: Message, now: float) -> None:
        hold_s = self._dice.hold_s()
        if hold_s > 0:
            self._sequence += 1
            heapq.heappush(self._held, (now + hold_s, self._sequence, message))
        else:
            self._ready.append((message, False))

    def take(
        self, now: float, max_messages: int, max_bytes: int, deadline_s: float, outstanding: Outstanding | None
    ) -> list[Delivery]:
        """Leases ready messages, each under a new ack id, up to a limit."""
        self._refresh(now)
        deliveries: list[Delivery] = []
        size = 0
        while self._ready and len(deliveries) < max_messages:
            if outstanding is not None and not outstanding.has_room():
                break
            size += len(self._ready[0][0].body) + _OVERHEAD_BYTES
            if deliveries and size > max_bytes:
                break
            deliveries.append(self._lease(now + deadline_s, outstanding))
        return deliveries

    def ack(self, ack_ids: Iterable[str], now: float) -> Acked:
        """Ack ids that are unknown, used up or too late change nothing, as in the real service.

        With exactly-once delivery each of them is answered, and what is acked never comes again.
        """
        acked = Acked()
        self._refresh(now)
        for ack_id in ack_ids:
            if ack_id not in self._leases:
                if self.is_exactly_once and ack_id not in self._acked:
                    acked.failures[ack_id] = PERMANENT_FAILURE
            elif self._dice.hits("drop_acks"):
                if self.is_exactly_once:
                    acked.failures[ack_id] = TRANSIENT_FAILURE
            else:
                lease = self._end_lease(ack_id)
                # Once more and no oftener, or a fraction of 1 would never end.
                if not lease.acked_before and not self.is_exactly_once and self._dice.hits("redeliver"):
                    self._ready.append((lease.message, True))
                else:
                    lease.message.acked()
                    acked.gone.append(lease.message.number)
                    self._remember_acked(ack_id)
        return acked

    def _remember_acked(self, ack_id: str) -> None:
        if self.is_exactly_once:
            self._acked[ack_id] = None
            if len(self._acked) > _ACKED_REMEMBERED:
                del self._acked[next(iter(self._acked))]

    def modify_deadline(self, ack_id: str, deadline_s: float, now: float) -> bool:
        """Prolongs or shortens a lease; 0 requeues the message at once. False when there is no such lease."""
        self._refresh(now)
        lease = self._leases.get(ack_id)
        if lease is None:
            return False
        if deadline_s == 0:
            self._requeue(ack_id)
        else:
            lease.deadline = now + deadline_s
            self._watch(lease.deadline, ack_id)
        return True

    def drop_all(self) -> None:
        """The subscription is deleted: it no longer keeps any message alive."""
        for message in self._messages():
            message.acked()
        self._held, self._leases, self._deadlines = [], {}, []
        self._ready.clear()

    def next_change_at(self) -> float | None:
        """When, at the earliest, time alone makes a message ready."""
        times = [heap[0][0] for heap in (self._held, self._deadlines) if heap]
        return min(times, default=None)

    def _messages(self) -> list[Message]:
        held = [message for _, _, message in self._held]
        ready = [message for message, _ in self._ready]
        return held + ready + [lease.message for lease in self._leases.values()]

    def _lease(self, deadline: float, outstanding: Outstanding | None) -> Delivery:
        message, acked_before = self._ready.popleft()
        self._sequence += 1
        ack_id = f"{self._ack_id_prefix}{self._sequence}"
        self._leases[ack_id] = Lease(message, deadline, outstanding, acked_before)
        self._watch(deadline, ack_id)
        if outstanding is not None:
            outstanding.add(len(message.body), 1)
        return Delivery(ack_id, message.body)

    def _end_lease(self, ack_id: str) -> Lease:
        lease = self._leases.pop(ack_id)
        if lease.outstanding is not None:
            lease.outstanding.add(-len(lease.message.body), -1)
        return lease

    def _requeue(self, ack_id: str) -> None:
        # At the end, not in front: a message that is always nacked must not block its subscription.
        lease = self._end_lease(ack_id)
        self._ready.append((lease.message, lease.acked_before))

    def _watch(self, deadline: float, ack_id: str) -> None:
        heapq.heappush(self._deadlines, (deadline, ack_id))
        # Entries of settled leases stay until they come up. Without this, acks at 20,000/s with deadlines
        # of 60 s would leave 1.2 million of them.
        if len(self._deadlines) > 2 * len(self._leases) + 10_000:
            self._deadlines = [(lease.deadline, each) for each, lease in self._leases.items()]
            heapq.heapify(self._deadlines)

    def _refresh(self, now: float) -> None:
        """Does what time alone does: releases what was held back, takes back what was leased too long."""
        while self._held and self._held[0][0] <= now:
            self._ready.append((heapq.heappop(self._held)[2], False))
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, ack_id = heapq.heappop(self._deadlines)
            lease = self._leases.get(ack_id)
            if lease is not None and lease.deadline == deadline:
                self._requeue(ack_id)
