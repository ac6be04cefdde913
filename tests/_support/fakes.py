"""A subscription and a store with faults, and a bench that runs a writer on them in virtual time.

One journal records everything that happens, in order, with its virtual time.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow.parquet as pq

from ingest_writer.message import Message
from ingest_writer.subscriber.metrics import MeasuredSubscription, WriterMetrics
from ingest_writer.subscriber.options import Limits, WriterOptions
from ingest_writer.subscriber.subscription import AckIdsError, SubscriptionUnavailableError
from ingest_writer.subscriber.writer import Writer
from lakehouse import object_names
from lakehouse.errors import CreateStateUnknownError, StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Source
from lakehouse.table.parquet_files import check_landed_file
from tests._support.events.builders import ids, line, microseconds

T = TypeVar("T")

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


class FaultyStore(MemoryStore):
    """Creates take `slow_s` and fail as `fault` says; deletes are forbidden."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(lambda: dt.datetime(2013, 1, 1, tzinfo=dt.UTC))
        self._journal = journal
        self.fault: Callable[[str], Exception | None] = lambda name: None
        self.is_stored_all_the_same = False
        self.slow_s: Callable[[str], float] = lambda name: 0.0
        self.last_create = ("", 0.0)
        self._checked: dict[str, list[dict[str, Any]]] = {}

    def create(self, name: str, source: Source) -> None:
        self.last_create = (name, self.slow_s(name))
        error = self.fault(name)
        self._journal.note("create" if error is None else "create failed", name)
        if error is None or self.is_stored_all_the_same:
            super().create(name, source)
        if error is not None:
            raise error

    def delete(self, name: str) -> None:
        raise AssertionError(f"a writer deletes nothing, and yet: {name}")

    def go_away(self) -> None:
        self.fault = lambda name: StoreUnavailableError(f"{name}: storage is down")

    def come_back(self) -> None:
        self.fault = lambda name: None

    def lose_answers(self, times: int, *, stored: bool) -> None:
        """The next `times` creates end with an unknown outcome."""
        left = iter(range(times))
        self.is_stored_all_the_same = stored
        self.fault = lambda name: None if next(left, None) is None else CreateStateUnknownError(f"{name}: no answer")

    def names(self, prefix: str = "") -> list[str]:
        return [info.name for info in self.list(prefix)]

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all landed files, which must pass the reader's check."""
        for name in self.names(object_names.LANDING):
            if name not in self._checked:  # they never change
                self._checked[name] = self._check(name)
        return [row for rows in self._checked.values() for row in rows]

    def _check(self, name: str) -> list[dict[str, Any]]:
        date = object_names.parse_landed_file(name)
        assert date is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "landed.parquet"
            path.write_bytes(self.read(name))
            check_landed_file(name, path, date)
            return list(pq.read_table(path).to_pylist())

    def landed_ids(self) -> set[str]:
        return {row["message_id"] for row in self.rows()}


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
