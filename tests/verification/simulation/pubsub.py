"""A subscription in virtual time: at least once, in any order and batch, with leases that end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from ingest_writer.message import Message
from ingest_writer.subscriber.subscription import SubscriptionUnavailableError
from tests.verification.simulation.world import World
from tests.verification.simulation.writing import WriterActor

T = TypeVar("T")

_PULL_WAIT_S = 20.0  # how long the server keeps a pull open that finds nothing
_PULL = ("unavailable", "lost")
_CHANGE = ("unavailable", "lost", "late")


@dataclass
class _Leased:
    message: Message
    until_s: float


class Broker:
    """The published, unacked messages. Never fails; calls `on_ack` for every effective ack."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"{world.scenario.seed} broker")
        self._ready: list[Message] = []
        self._leased: dict[str, _Leased] = {}
        self._unacked: set[str] = set()
        self._deliveries = 0
        self._waiting: list[asyncio.Future[None]] = []
        self.on_ack: Callable[[Message], None] = lambda message: None

    @property
    def is_empty(self) -> bool:
        return not self._unacked

    def publish(self, message: Message) -> None:
        self._unacked.add(message.message_id)
        self._ready.append(message)
        self._wake()

    def take(self, max_messages: int) -> list[Message]:
        self._take_back()
        count = min(max_messages, self._rng.randint(1, 8))
        taken: list[Message] = []
        while self._ready and len(taken) < count:
            message = self._ready.pop(self._rng.randrange(len(self._ready)))
            if self._is_unlucky():
                self._ready.append(message)  # a second delivery while the first is out
                count -= 1
            self._deliveries += 1
            delivery = msgspec.structs.replace(message, ack_id=f"{message.message_id}/{self._deliveries}")
            self._lease(delivery.ack_id, message, self._world.scenario.ack_deadline_s)
            taken.append(delivery)
        return taken

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        for ack_id in ack_ids:
            if self._is_unlucky():
                continue  # ignored without a word
            if held := self._leased.get(ack_id):
                self.on_ack(held.message)
                self._unacked.discard(held.message.message_id)
                if not self._is_unlucky():  # else it comes once more all the same
                    del self._leased[ack_id]

    def modify(self, ack_ids: Sequence[str], seconds: int) -> None:
        for ack_id in ack_ids:
            if (held := self._leased.get(ack_id)) and held.until_s > self._world.loop.time():
                self._lease(ack_id, held.message, seconds)
        self._wake()

    async def arrival(self, timeout_s: float) -> None:
        """Returns when a message may have become ready, or after a while."""
        waiting: asyncio.Future[None] = self._world.loop.create_future()
        self._waiting.append(waiting)
        await asyncio.wait([waiting], timeout=timeout_s)

    def _lease(self, ack_id: str, message: Message, seconds: float) -> None:
        self._leased[ack_id] = _Leased(message, self._world.loop.time() + seconds)
        self._world.loop.call_later(seconds + 0.001, self._wake)

    def _take_back(self) -> None:
        now = self._world.loop.time()
        for ack_id in [i for i, held in self._leased.items() if held.until_s <= now]:
            self._ready.append(self._leased.pop(ack_id).message)

    def _wake(self) -> None:
        self._take_back()
        if not self._ready:
            return
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _is_unlucky(self) -> bool:
        value = self._rng.random()
        return not self._world.is_calm and value < self._world.scenario.fault_rate


class SimulatedSubscription:
    """The subscription of one writer: calls to the broker, and their answers, may be lost."""

    def __init__(self, broker: Broker, actor: WriterActor) -> None:
        self._broker = broker
        self._actor = actor

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        loop = self._actor.world.loop
        give_up_at = loop.time() + (_PULL_WAIT_S if wait else 0.0)
        while True:
            taken = await self._call("pull", lambda: self._broker.take(max_messages), _PULL)
            if taken or loop.time() >= give_up_at:
                return taken
            await self._broker.arrival(give_up_at - loop.time())

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        await self._call(f"ack {' '.join(ack_ids)}", lambda: self._broker.acknowledge(ack_ids), _CHANGE)

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        await self._call(
            f"lease {seconds} s {' '.join(ack_ids)}", lambda: self._broker.modify(ack_ids, seconds), _CHANGE
        )

    async def _call(self, what: str, effect: Callable[[], T], faults: tuple[str, ...]) -> T:
        def fail(fault: str) -> None:
            raise SubscriptionUnavailableError(f"{what.split(maxsplit=1)[0]}: {fault}")

        return await self._actor.call(lambda: self._actor.perform(what, effect, faults, fail, "subscription"))
