"""A writer process in the simulation: the real writer, killed, stopped and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ingest_writer.subscriber.options import Limits, WriterOptions
from ingest_writer.subscriber.subscription import Subscription
from ingest_writer.subscriber.writer import Writer
from lakehouse.store.store import Store
from tests.verification.simulation.scenario import Scenario
from tests.verification.simulation.world import Actor, Killed, World

T = TypeVar("T")

_STOP_S = 8.0  # promised after SIGTERM


class WriterActor(Actor):
    """Runs one writer after another until the end."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self._main: asyncio.Task[None] | None = None
        self._life = 0

    async def run(self, store: Store, subscription: Subscription, end: asyncio.Event) -> None:
        """Until `end` is set; then stops in order."""
        while not end.is_set():
            await self._live(store, subscription, end)
            await asyncio.sleep(self.rng.uniform(0.1, 3.0))

    async def call(self, function: Callable[[], T]) -> T:
        """Runs `function` after a while; its result comes back after another. Who no longer waits does not undo it."""
        loop, life = self.world.loop, self._life
        done: asyncio.Future[T] = loop.create_future()
        back_s = self.rng.uniform(0.1, 1.0) * self.world.scenario.pace_s

        def settle(result: T | None, error: Exception | None) -> None:
            if done.done() or life != self._life:
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def take_place() -> None:
            self.world.late_effects -= 1
            if life != self._life:
                return  # the process is gone, its thread too
            try:
                result, error = function(), None
            except Killed:
                return
            except Exception as caught:  # noqa: BLE001
                result, error = None, caught
            loop.call_later(back_s, settle, result, error)

        self.world.late_effects += 1
        loop.call_later(self.delay_s(), take_place)
        return await done

    def kill(self) -> None:
        super().kill()
        self._life += 1
        if self._main is not None:
            self._main.cancel()

    async def _live(self, store: Store, subscription: Subscription, end: asyncio.Event) -> None:
        self.is_dead = False
        writer = Writer(subscription, store, options(self.world.scenario), self.random_id, self.rng, self.call)
        stop = asyncio.Event()
        self._main = asyncio.create_task(writer.run(stop))
        ending = asyncio.create_task(self._stop_some_time(end))
        await asyncio.wait([self._main, ending], return_when=asyncio.FIRST_COMPLETED)
        began = self.world.loop.time()
        stop.set()
        ending.cancel()
        try:
            await self._main
        except (Killed, asyncio.CancelledError):
            return
        except BaseException as error:  # noqa: BLE001
            self.world.violate(f"{self.name}: ended by itself: {error!r}")
            return
        self.world.note(self.name, "stopped")
        if self.is_dead:
            return
        if (took := self.world.loop.time() - began) > _STOP_S:
            self.world.violate(f"{self.name}: took {took:.1f} s to stop")

    async def _stop_some_time(self, end: asyncio.Event) -> None:
        """Until the end, or earlier when this process is replaced."""
        timeout_s = self.rng.uniform(1, 20) if self.chance(self.world.scenario.stop_rate) else None
        try:
            async with asyncio.timeout(timeout_s):
                await end.wait()
        except TimeoutError:
            self.world.note(self.name, "SIGTERM")


def options(scenario: Scenario) -> WriterOptions:
    return WriterOptions(
        limits=Limits(scenario.batch_max_rows, 1_000_000, scenario.batch_max_age_s, max_dates=2),
        pulls_in_flight=2,
        pull_max_messages=100,
        batches_in_flight=2,
        uploads_in_flight=3,
        upload_stall_s=15.0,
        buffer_max_rows=3 * scenario.batch_max_rows,
        buffer_max_bytes=3_000_000,
        ack_deadline_s=scenario.ack_deadline_s,
        lease_max_s=scenario.lease_max_s,
        backoff_max_s=5.0,
        drain_s=6.0,
    )
