"""The batches in memory, by what happens to them: one collects, some land, some wait in quarantine.

A batch collects messages until it has enough lines or bytes, or its oldest message waited long
enough; it closes before it would have too many flight dates. Every message that was pulled and is
neither acked nor nacked is in the buffer. It belongs to one event loop and knows nothing of storage;
of an event it sees the flight date, in the bytes. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any, Final

from ingest_writer.message import Message
from ingest_writer.subscriber.event_loop import cancel
from ingest_writer.subscriber.options import Limits
from lakehouse.schema.event import MAX_MESSAGE_DATES

log = logging.getLogger(__name__)

_PART_BYTES: Final = 131_072
_HEAD_BYTES: Final = 28  # {"flight_date": "2013-01-01"
_FIELD: Final = rb'"flight_date"[ \t\r\n]*:[ \t\r\n]*"([^"]{10})"'
_HEAD: Final = re.compile(rb"\{" + _FIELD)
_ANYWHERE: Final = re.compile(_FIELD)
_ESCAPED: Final = re.compile(rb"\\u00(?:2[dD]|3[0-9]|5[fF]|6[1-9cC]|74)")
"""A character of the field's name or of a date that is written as an escape, which nobody needs."""


@dataclass(slots=True)
class Lease:
    """The messages of one pull, which may be acked until `until_s` (monotonic)."""

    ack_ids: Sequence[str]
    message_ids: Sequence[str]  # in the order of ack_ids
    received_s: float
    until_s: float

    def of(self, message_ids: Set[str], *, are_in: bool) -> Lease:
        """The part whose messages are among `message_ids`, or the part whose are not."""
        return self._where([(message_id in message_ids) == are_in for message_id in self.message_ids])

    def of_ack_ids(self, ack_ids: Set[str], *, are_in: bool) -> Lease:
        """The part whose ack ids are among `ack_ids`, or the part whose are not."""
        return self._where([(ack_id in ack_ids) == are_in for ack_id in self.ack_ids])

    def _where(self, is_kept: Sequence[bool]) -> Lease:
        ack_ids, message_ids = list(compress(self.ack_ids, is_kept)), list(compress(self.message_ids, is_kept))
        return Lease(ack_ids, message_ids, self.received_s, self.until_s)


@dataclass
class Batch:
    """Messages and their leases. Once they are prepared, only the leases are left."""

    opened_s: float
    messages: list[Message] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    row_count: int = 0
    """Lines: the most events and rejected lines that there can be."""
    byte_count: int = 0
    """Of data and attributes: both are in memory until the batch is prepared."""
    flight_dates: set[object] = field(default_factory=set)
    """Of its events, and perhaps some more: each takes an object, a whole message's at most MAX_MESSAGE_DATES."""
    is_closed: bool = False
    """The next message would have brought too many flight dates."""

    def add(self, messages: Sequence[Message], received_s: float, until_s: float) -> None:
        """Takes messages whole, so that all lines of a message are in one batch."""
        self.messages += messages
        self.leases.append(Lease([m.ack_id for m in messages], [m.message_id for m in messages], received_s, until_s))
        self.row_count += sum(_lines(message.data) for message in messages)
        self.byte_count += sum(len(message.data) + _attribute_bytes(message) for message in messages)

    def split_off(self, message_ids: Set[str]) -> list[Lease]:
        """Takes the leases of these messages out of the batch."""
        split = [lease.of(message_ids, are_in=True) for lease in self.leases]
        kept = [lease.of(message_ids, are_in=False) for lease in self.leases]
        self.leases = [lease for lease in kept if lease.ack_ids]
        return [lease for lease in split if lease.ack_ids]

    def drop_ack_ids(self, ack_ids: Set[str]) -> int:
        """Forgets the leases of these; returns how many there were."""
        before = len(self.ack_ids)
        split = [
            lease if ack_ids.isdisjoint(lease.ack_ids) else lease.of_ack_ids(ack_ids, are_in=False)
            for lease in self.leases
        ]
        self.leases = [lease for lease in split if lease.ack_ids]
        return before - len(self.ack_ids)

    def extend(self, ack_ids: Set[str], until_s: float) -> None:
        """The leases of these, and only of these, end at `until_s`."""
        extended = [replace(lease.of_ack_ids(ack_ids, are_in=True), until_s=until_s) for lease in self.leases]
        as_before = [lease.of_ack_ids(ack_ids, are_in=False) for lease in self.leases]
        self.leases = [lease for lease in (*extended, *as_before) if lease.ack_ids]

    def is_full(self, limits: Limits) -> bool:
        return self.is_closed or self.row_count >= limits.max_rows or self.byte_count >= limits.max_bytes

    def due_s(self, limits: Limits) -> float:
        """When it is due by its age alone."""
        return self.opened_s + limits.max_age_s

    @property
    def ack_ids(self) -> list[str]:
        return [ack_id for lease in self.leases for ack_id in lease.ack_ids]


Work = Callable[[Batch], Coroutine[Any, Any, None]]


class Buffer:
    """Holds each batch until the task that works on it ends, or the batch is dropped."""

    def __init__(self, max_dates: int) -> None:
        """`max_dates`: flight dates of a batch; a message that has more by itself is a batch by itself."""
        self._max_dates = max_dates
        self._collecting: deque[Batch] = deque()  # closed ones, then the one that still takes messages
        self._landing: dict[asyncio.Task[None], Batch] = {}
        self._quarantined: dict[asyncio.Task[None], Batch] = {}
        self._changed = asyncio.Event()

    def add(self, messages: Sequence[Message], received_s: float, until_s: float) -> None:
        """Puts a pull into the batch that collects, and into further ones for more flight dates than one may have.

        Its lease ends at `until_s`.
        """
        self._add(messages, received_s, until_s)
        self.notify()

    def land(self, work: Work) -> None:
        """Closes the batch that collects first, and starts the work that lands it."""
        if self._collecting:
            self._start(self._landing, self._collecting.popleft(), work)

    def quarantine(self, batch: Batch, work: Work) -> None:
        """Holds poison messages until the work on them ends."""
        self._start(self._quarantined, batch, work)

    async def drop(self, batch: Batch) -> None:
        """Ends all work on the batch, and forgets it."""
        await cancel([task for task, held in [*self._landing.items(), *self._quarantined.items()] if held is batch])
        self._collecting = deque(each for each in self._collecting if each is not batch)
        self.notify()

    @property
    def collecting(self) -> Batch | None:
        """The batch that is landed next."""
        return self._collecting[0] if self._collecting else None

    @property
    def batches_landing(self) -> int:
        return len(self._landing)

    @property
    def has_quarantined(self) -> bool:
        return bool(self._quarantined)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The tasks that work on a batch."""
        return [*self._landing, *self._quarantined]

    @property
    def batches(self) -> list[Batch]:
        """All batches held."""
        return [*self._landing.values(), *self._quarantined.values(), *self._collecting]

    def has_room(self, max_rows: int, max_bytes: int) -> bool:
        """Whether the batches held are below both limits."""
        held = self.batches
        return sum(each.row_count for each in held) < max_rows and sum(each.byte_count for each in held) < max_bytes

    def notify(self) -> None:
        """Wakes all that wait for a change."""
        self._changed.set()

    async def wait_for_change(self, timeout_s: float | None = None) -> None:
        """Returns after the next `notify`, at the latest after `timeout_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def wait_until_landed(self) -> None:
        """Returns when no batch is landing any more."""
        while self._landing:
            await asyncio.wait(self._landing)

    def _add(self, messages: Sequence[Message], received_s: float, until_s: float) -> None:
        """By halves, where all of them do not fit: a batch then has few leases, not one a message."""
        if self._try_add(messages, received_s, until_s):
            return
        if len(messages) == 1:
            self._collecting[-1].is_closed = True
            self._try_add(messages, received_s, until_s)
            return
        half = len(messages) // 2
        self._add(messages[:half], received_s, until_s)
        self._add(messages[half:], received_s, until_s)

    def _try_add(self, messages: Sequence[Message], received_s: float, until_s: float) -> bool:
        """Puts the messages into the batch that collects, or none of them if they have too many flight dates for it."""
        if not self._collecting or self._collecting[-1].is_closed:
            self._collecting.append(Batch(opened_s=received_s))
        batch, dates = self._collecting[-1], flight_dates(messages)
        is_alone = len(messages) == 1 and not batch.leases
        if not is_alone and len(batch.flight_dates | dates) > self._max_dates:
            return False
        batch.add(messages, received_s, until_s)
        batch.flight_dates |= dates
        return True

    def _start(self, tasks: dict[asyncio.Task[None], Batch], batch: Batch, work: Work) -> None:
        task = asyncio.create_task(work(batch))
        tasks[task] = batch
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._landing.pop(task, None)
        self._quarantined.pop(task, None)
        self.notify()
        if not task.cancelled() and task.exception() is not None:
            log.error("a batch task ended; its messages come again", exc_info=task.exception())


def _lines(data: bytes) -> int:
    """A newline at the end begins no line; empty data is one line, which is rejected."""
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _attribute_bytes(message: Message) -> int:
    return sum(len(name) + len(value) for name, value in message.attributes.items()) if message.attributes else 0


def flight_dates(messages: Sequence[Message]) -> Set[object]:
    """At least the flight dates of the events in the messages, found in their bytes: cheap, and never too few.

    A date that decoding rejects counts too.
    """
    return {date for some in _parts(messages) for date in _of_part(some)}


def _parts(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """So many messages at once as a processor's cache holds: for 10 MB that is twice as fast."""
    part: list[Message] = []
    size = 0
    for message in messages:
        part.append(message)
        size += len(message.data)
        if size >= _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _of_part(messages: Sequence[Message]) -> Set[object]:
    data = b"\n".join([message.data for message in messages])
    if b"\\" in data and _ESCAPED.search(data):
        return {date for message in messages for date in _of_one(message)}
    return _dates(data)


def _of_one(message: Message) -> Set[object]:
    """Where names may be escaped, each line may have a date of its own."""
    if not _ESCAPED.search(message.data):
        return _dates(message.data)
    lines = min(message.data.count(b"\n") + 1, MAX_MESSAGE_DATES)
    return {(message.message_id, line) for line in range(lines)}


def _dates(data: bytes) -> set[object]:
    """Looks at the beginning of each line; through all of it where one does not begin with the date."""
    if _HEAD.match(data) is None:
        return set(_ANYWHERE.findall(data))
    heads = {line[:_HEAD_BYTES] for line in data.split(b"\n")} - {b""}
    found = [_HEAD.match(head) for head in heads]
    if None in found:
        return set(_ANYWHERE.findall(data))
    return {match[1] for match in found if match is not None}
