"""One random run from a seed: writer, compactors, collector and readers behind the lying proxy.

Every answer after an ack has to cover the acked events, and contains only published events. At the
end, without faults, the answer is the newest of all published events, as plain Python computes it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import random
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Final, TypeVar

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.subscriber.options import Limits
from ingest_writer.subscriber.writer import Writer
from lakehouse.client.connection import connect_store
from lakehouse.client.verify import verify
from lakehouse.errors import LakeError
from lakehouse.store.gcs import GcsStore
from lakehouse.store.store import Store
from local_cloud.emulators.gcs import GcsServer
from tests._support.events.builders import line, microseconds
from tests._support.lakes.compactors import options
from tests._support.subscriber.bench import OPTIONS
from tests._support.subscriber.subscription import FakeSubscription, Journal
from tests.verification.fault_injection.faults import Plan, from_seed
from tests.verification.fault_injection.lakes import LyingLake, lying_lake, resumable_uploads

T = TypeVar("T")

_ROUNDS = 3
_MESSAGES = 6  # a round
_FLIGHTS = 5  # few, so that their events meet
_DAYS = ("2013-01-31", "2013-02-01")
_RATES = (0.05, 0.15, 0.3)  # of requests that are lied about
_CACHE_BYTES = 1 << 28
_LANDS_WITHIN_S = 20.0  # half of a round, before it is merged: a machine may be busy
_ENDS_WITHIN_S = 60.0  # after the last fault

_OPTIONS: Final = dataclasses.replace(
    OPTIONS,
    limits=Limits(max_rows=4, max_bytes=1_000_000, max_age_s=0.02, max_dates=400),  # tiny: many batches of few rows
    backoff_max_s=0.05,  # tiny: it fails all the time
    drain_s=10.0,  # the end waits for nothing else
)

Flight = tuple[str, int]
"""Date and number; the rest of the key is always the same."""

Order = tuple[int, bytes, int]
"""Event time, message id and line: the publish time is always the same."""

Answer = dict[Flight, str]
"""The mark of the event that won. Every event has its own, in tail_number."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """`violations` of the invariants, and the number of faults."""

    violations: tuple[str, ...]
    lies: int
    answers: int
    commits: int


class Ledger:
    """All published events, and what an answer may and must contain."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._by_message: dict[str, list[tuple[Flight, Order, str]]] = {}
        self._marks = 0

    def messages(self, count: int) -> dict[str, bytes]:
        """New ones, by id, of one to three lines."""
        return {f"m{len(self._by_message) + 1:04d}": self._message() for _ in range(count)}

    def _message(self) -> bytes:
        message_id = f"m{len(self._by_message) + 1:04d}"
        self._by_message[message_id] = []
        return b"\n".join(self._line(message_id, number) for number in range(self._rng.randint(1, 3)))

    def _line(self, message_id: str, number: int) -> bytes:
        self._marks += 1
        mark = f"N{self._marks}"
        flight = (self._rng.choice(_DAYS), self._rng.randint(1, _FLIGHTS))
        event_time = f"2013-01-01T11:00:{self._rng.randrange(10):02d}Z"
        self._by_message[message_id].append(
            (flight, (microseconds(event_time), message_id.encode(), number), mark),
        )
        return line(
            flight_date=flight[0],
            scheduled_departure=f"{flight[0]}T10:00:00Z",
            flight_number=flight[1],
            event_time=event_time,
            tail_number=mark,
            status=self._rng.choice(["scheduled", "departed", "arrived", "cancelled"]),
        )

    def newest(self, message_ids: set[str] | None = None) -> dict[Flight, tuple[Order, str]]:
        """The newest event of each flight, of these messages or of all."""
        found: dict[Flight, tuple[Order, str]] = {}
        for message_id in self._by_message if message_ids is None else message_ids:
            for flight, order, mark in self._by_message[message_id]:
                found[flight] = max(found.get(flight, (order, mark)), (order, mark))
        return found

    def problems(self, answer: Answer, acked: set[str]) -> list[str]:
        """The problems of an answer whose listing began when these were acked."""
        published = {(flight, mark): order for lines in self._by_message.values() for flight, order, mark in lines}
        wrong = [f"{f} is {mark}, which nobody published" for f, mark in answer.items() if (f, mark) not in published]
        for flight, (order, mark) in self.newest(acked).items():
            found = answer.get(flight)
            if found is None or published.get((flight, found), order) < order:
                wrong.append(f"{flight} is {found}, and {mark}, which is newer, was acked")
        return wrong


class _Run:
    """A lake, the ledger, and the actors."""

    def __init__(self, seed: int, lake: LyingLake, folder: Path) -> None:
        self._lake = lake
        self._folder = folder
        self._rng = random.Random(seed)
        self._ids = random.Random(seed + 1)
        self._ids_lock = threading.Lock()
        self._ledger = Ledger(random.Random(seed + 2))
        self._seed = seed
        self._compactors = [self._compactor(lake.store) for _ in range(2)]
        self.violations: list[str] = []
        self.answers = 0
        self.commits = 0

    async def go(self) -> None:
        subscription = FakeSubscription(Journal())
        writer = Writer(subscription, self._lake.store, _OPTIONS, self._random_id, self._rng, _in_thread)
        stop = asyncio.Event()
        task = asyncio.create_task(writer.run(stop))
        try:
            for _ in range(_ROUNDS):
                await self._round(subscription)
            await asyncio.to_thread(self._lake.proxy.be_honest)
            if not await _within(_ENDS_WITHIN_S, lambda: subscription.unacked == 0 or task.done()):
                self.violations.append(f"not everything is acked {_ENDS_WITHIN_S:.0f} s after the last lie")
            stop.set()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if writer.counts.failed_batches or writer.counts.rejected:
            self.violations.append(f"the writer failed: {writer.batch_error}, rejected {writer.counts.rejected}")
        await asyncio.to_thread(self._end)

    async def _round(self, subscription: FakeSubscription) -> None:
        messages = self._ledger.messages(_MESSAGES)
        twice = self._rng.sample(sorted(messages), 2)  # a redelivery
        ids = [*messages, *twice]
        before = len(subscription.acked)
        subscription.publish(*(messages[each] for each in ids), message_ids=ids)
        await _within(_LANDS_WITHIN_S, lambda: len(subscription.acked) >= before + _MESSAGES // 2)
        compactions = [asyncio.to_thread(self._compact, each) for each in self._compactors]
        acked = set(subscription.acked)
        await asyncio.gather(asyncio.to_thread(self._read, acked), *compactions)
        acked = set(subscription.acked)
        await asyncio.to_thread(self._read, acked)

    def _compact(self, compactor: Compactor) -> None:
        """Merges, commits and collects, as far as it gets."""
        try:
            months = compactor.compact().months
            self.commits += bool(months)
            GarbageCollector(self._lake.store, compactor.planner, delete_grace_s=0, deletes_at_once=4).collect()
        except LakeError:
            return  # it said so

    def _read(self, acked: set[str]) -> None:
        try:
            answer = self._answer(self._lake.store)
        except LakeError:
            return  # it said so
        self.answers += 1
        self.violations += self._ledger.problems(answer, acked)

    def _end(self) -> None:
        """Without faults: the answer has everything, also after a merge, and nothing is broken."""
        wanted = {flight: mark for flight, (_, mark) in self._ledger.newest().items()}
        for when in ("with a tail", "merged"):
            if (found := self._answer(self._lake.truth)) != wanted:
                self.violations.append(f"in the end, {when}: {sorted(found.items() ^ wanted.items())}")
            report = self._compactor(self._lake.truth).compact()
            self.violations += [f"{name} is unreadable: {why}" for name, why in report.unreadable.items()]
        self.violations += verify(self._lake.truth, _now).problems

    def _answer(self, store: GcsStore) -> Answer:
        connection = connect_store(store, _now, self._folder, _CACHE_BYTES)
        rows = connection.sql("SELECT flight_date::VARCHAR, flight_number, tail_number FROM flights").fetchall()
        answer: Answer = {(date, number): mark for date, number, mark in rows}
        if len(answer) != len(rows):
            self.violations.append(f"a flight is there twice: {sorted(rows)}")
        return answer

    def _compactor(self, store: Store) -> Compactor:
        bounds = options(self._folder, retention_s=0.0)  # everything that may be collected is
        return Compactor(store, bounds, _now, self._random_id)

    def _random_id(self) -> str:
        with self._ids_lock:
            return f"{self._ids.getrandbits(128):032x}"


async def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it came true in that time."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(0.01)
    return True


def run(seed: int, server: GcsServer, folder: Path, plan: Plan | None = None) -> Outcome:
    """The outcome of one seed, with lies of its own or as planned.

    Threads take turns as they like: a seed that failed may need a few tries to do it again.
    """
    way = resumable_uploads() if seed % 2 else nullcontext()
    with lying_lake(server) as lake, way:
        lake.proxy.plan = from_seed(seed, _RATES[seed // 2 % len(_RATES)]) if plan is None else plan
        work = _Run(seed, lake, folder)
        try:
            asyncio.run(work.go())
        except Exception as error:  # noqa: BLE001 - no code may let another error than the store's through
            work.violations.append(f"{type(error).__name__}: {error}")
        return Outcome(tuple(work.violations), len(lake.proxy.lies()), work.answers, work.commits)


def _in_thread(function: Callable[[], T], /) -> Awaitable[T]:
    return asyncio.to_thread(function)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
