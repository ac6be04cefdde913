"""A bench: a writer at work on a subscription and a store with faults, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from ingest_writer.subscriber.metrics import MeasuredSubscription, WriterMetrics
from ingest_writer.subscriber.options import Limits, WriterOptions
from ingest_writer.subscriber.writer import Writer
from tests._support.events.builders import ids, line
from tests._support.subscriber.store import FaultyStore
from tests._support.subscriber.subscription import ACK_DEADLINE_S, FakeSubscription, Journal

T = TypeVar("T")

OPTIONS = WriterOptions(
    limits=Limits(max_rows=1000, max_bytes=1_000_000, max_age_s=5.0, max_dates=400),
    pulls_in_flight=2,
    pull_max_messages=100,
    batches_in_flight=2,
    uploads_in_flight=16,
    upload_stall_s=15.0,
    buffer_max_rows=3000,
    buffer_max_bytes=3_000_000,
    ack_deadline_s=ACK_DEADLINE_S,
    lease_max_s=1800.0,
    backoff_max_s=5.0,
    drain_s=6.0,
)
"""Like the defaults, but for sizes that a test can fill."""


@dataclass
class Bench:
    """A writer at work, and everything around it."""

    writer: Writer
    subscription: FakeSubscription
    store: FaultyStore
    journal: Journal
    stop: asyncio.Event
    task: asyncio.Task[None] = field(repr=False)

    async def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        """Lets virtual time pass until `condition` holds."""
        give_up_at = _now() + within_s
        while not condition():
            assert _now() < give_up_at, f"not within {within_s} s; {self.journal.entries[-20:]}"
            if self.task.done():
                self.task.result()
            await asyncio.sleep(0.01)

    async def finish(self) -> float:
        """Stops the writer, if it still runs; returns how long that took."""
        began = _now()
        self.stop.set()
        await self.task
        return _now() - began

    @property
    def held_rows(self) -> int:
        return sum(batch.row_count for batch in self.writer._buffer.batches)

    @property
    def is_ready(self) -> bool:
        return not self.writer.storage_state(_now()) and not self.writer.subscription_error


@asynccontextmanager
async def bench(options: WriterOptions = OPTIONS, metrics: WriterMetrics | None = None) -> AsyncIterator[Bench]:
    """A writer that has started. It must have been stopped, or is stopped here, without an error."""
    journal = Journal()
    subscription = FakeSubscription(journal)
    store = FaultyStore(journal)

    async def run_blocking(function: Callable[[], T]) -> T:
        store.last_create = ("", 0.0)
        try:
            result = function()
        except Exception:
            await asyncio.sleep(store.last_create[1])
            raise
        name, slow_s = store.last_create
        await asyncio.sleep(slow_s)
        if name:
            journal.note("durable", name)
        return result

    def blocking(function: Callable[[], T], /) -> Awaitable[T]:
        return run_blocking(function)

    measured = subscription if metrics is None else MeasuredSubscription(subscription, metrics.subscription)
    writer = Writer(measured, store, options, ids(), random.Random(42), blocking, metrics)
    stop = asyncio.Event()
    task = asyncio.create_task(writer.run(stop))
    made = Bench(writer, subscription, store, journal, stop, task)
    try:
        yield made
        await made.finish()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def outage_noticed(b: Bench) -> None:
    """Storage goes away, which a first batch finds out."""
    b.store.go_away()
    b.subscription.publish(*flights(10))
    await b.until(lambda: bool(b.writer.storage_error))


def flights(count: int, day: str = "2013-01-01", first: int = 1) -> list[bytes]:
    """Events of `count` flights of one day."""
    return [
        line(flight_number=first + index, flight_date=day, scheduled_departure=f"{day}T10:00:00Z")
        for index in range(count)
    ]


def _now() -> float:
    return asyncio.get_running_loop().time()
