"""A subscription with faults, and a journal that records everything that happens, in order, with its virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest_writer.message import Message
from ingest_writer.subscriber.subscription import AckIdsError, SubscriptionUnavailableError
from tests._support.events.builders import microseconds

ACK_DEADLINE_S = 60.0
PULL_WAIT_S = 30.0  # how long the server keeps a pull open that finds nothing


@dataclass(frozen=True)
class Entry:
    """An entry of the journal. `what` is a name, or ack ids."""

    at_s: float
    call: str
    what: Any


class Journal:
    """All entries, in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def note(self, call: str, what: Any) -> None:
        self.entries.append(Entry(asyncio.get_running_loop().time(), call, what))

    def calls(self, *kinds: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.call in kinds]

    def times(self, call: str) -> list[float]:
        return [entry.at_s for entry in self.entries if entry.call == call]


@dataclass
class _Held:
    message: Message
    until_s: float


class FakeSubscription:
    """Delivers messages until acked, again after each lease. `fail` makes calls fail."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ready: list[Message] = []
        self._leased: dict[str, _Held] = {}
        self._deliveries = 0
        self._changed = asyncio.Event()
        self.acked: set[str] = set()
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.messages_a_pull = 1000
        self.waiting_pulls = 0
        self.is_exactly_once = False
        self.unsteady: set[str] = set()  # messages whose next ack fails for now, with exactly-once delivery
        self.unextendable: set[str] = set()  # messages whose leases are never extended, with exactly-once delivery
        self.before_ack: Callable[[set[str]], None] = lambda message_ids: None

    def publish(self, *data: bytes, message_ids: Sequence[str] = ()) -> list[str]:
        """Makes messages ready; returns their ids."""
        published = []
        for index, each in enumerate(data):
            message_id = message_ids[index] if message_ids else f"m{self._deliveries + len(self._ready) + 1}"
            self._ready.append(Message("", each, {}, message_id, microseconds("2013-01-01T12:00:00Z")))
            published.append(message_id)
        self._changed.set()
        return published

    @property
    def waiting(self) -> int:
        """Messages that could be pulled now."""
        self._take_back()
        return len(self._ready)

    @property
    def unacked(self) -> int:
        return len(self._ready) + len(self._leased)

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        await self._begin("pull", max_messages)
        self.waiting_pulls += wait
        try:
            return await self._messages(max_messages, PULL_WAIT_S if wait else 0.001)
        finally:
            self.waiting_pulls -= wait

    async def _messages(self, max_messages: int, wait_s: float) -> Sequence[Message]:
        give_up_at = _now() + wait_s
        while _now() < give_up_at and "pull" not in self.failing:
            self._take_back()
            if self._ready:
                return self._deliver(min(max_messages, self.messages_a_pull))
            self._changed.clear()
            next_s = min([give_up_at, *(held.until_s for held in self._leased.values())])
            try:
                async with asyncio.timeout_at(next_s + 0.001):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return []

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        self.before_ack({ack_id.rpartition("/")[0] for ack_id in ack_ids})
        await self._begin("ack", tuple(ack_ids))
        self._take_back()
        unsteady = {each for each in ack_ids if each in self._leased and each.rpartition("/")[0] in self.unsteady}
        self.unsteady.clear()
        lost = set(ack_ids) - self._leased.keys()
        for ack_id in ack_ids:
            if ack_id not in unsteady and (held := self._leased.pop(ack_id, None)):
                self.acked.add(held.message.message_id)
        self._answer(unsteady, lost)

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        await self._begin("extend" if seconds else "nack", tuple(ack_ids))
        self._take_back()
        refused = {each for each in ack_ids if seconds and each.rpartition("/")[0] in self.unextendable}
        for ack_id in ack_ids:
            if ack_id in self._leased and ack_id not in refused:
                self._leased[ack_id].until_s = _now() + seconds
        self._changed.set()
        lost = set(ack_ids) - self._leased.keys()
        self._answer(refused - lost, lost)

    def _answer(self, to_retry: set[str], lost: set[str]) -> None:
        if self.is_exactly_once and (to_retry or lost):
            raise AckIdsError(f"{len(to_retry)} to retry, {len(lost)} lost", to_retry, lost)

    def expire(self, message_id: str) -> None:
        """Its lease ends, as if it had lasted too long."""
        for ack_id, held in self._leased.items():
            if ack_id.rpartition("/")[0] == message_id:
                held.until_s = _now()

    def fail(self, *calls: str) -> None:
        """These calls fail from now on: of `pull`, `ack`, `extend`, `nack`."""
        self.failing.update(calls)
        self._changed.set()

    def work_again(self) -> None:
        self.failing.clear()

    async def _begin(self, call: str, what: Any) -> None:
        if call in self.hanging:
            await asyncio.Event().wait()
        failed = call in self.failing
        self._journal.note(f"{call} failed" if failed else call, what)
        if failed:
            raise SubscriptionUnavailableError(f"{call} is down")

    def _deliver(self, count: int) -> list[Message]:
        taken, self._ready = self._ready[:count], self._ready[count:]
        delivered = []
        for message in taken:
            self._deliveries += 1
            delivery = msgspec.structs.replace(message, ack_id=f"{message.message_id}/{self._deliveries}")
            self._leased[delivery.ack_id] = _Held(message, _now() + ACK_DEADLINE_S)
            delivered.append(delivery)
        self._journal.note("delivered", tuple(each.message_id for each in delivered))
        return delivered

    def _take_back(self) -> None:
        for ack_id in [i for i, held in self._leased.items() if held.until_s <= _now()]:
            self._ready.append(self._leased.pop(ack_id).message)


def _now() -> float:
    return asyncio.get_running_loop().time()
