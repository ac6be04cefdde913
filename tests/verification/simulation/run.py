"""Runs a scenario to its end and reports violated invariants."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from ingest_writer.decoding.decoder import decode_messages
from lakehouse.table.snapshot import MonthFile
from tests.verification.simulation import rows
from tests.verification.simulation.bucket import Bucket, SimulatedStore
from tests.verification.simulation.invariants import Invariants
from tests.verification.simulation.lake import Lake
from tests.verification.simulation.publishing import Publisher
from tests.verification.simulation.pubsub import Broker, SimulatedSubscription
from tests.verification.simulation.scenario import Scenario
from tests.verification.simulation.world import Killed, Loop, ThreadActor, World
from tests.verification.simulation.writing import WriterActor

_MEMORY = Path("/dev/shm")  # scratch folders in memory, where there is such a place: twice as fast
_DRAIN_S = 900.0  # of virtual time: all leases have ended several times


@dataclass(frozen=True)
class Outcome:
    """The result of a run. `points`: at which a kill is possible, each before or after an operation."""

    violations: tuple[str, ...]
    trace: tuple[str, ...]
    fired: tuple[str, ...]
    points: tuple[str, ...]


def run(scenario: Scenario, *, trace: bool = False) -> Outcome:
    """Runs it. The same scenario always gives the same outcome; its trace is given if it failed, or if asked for."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with machinery(scenario), tempfile.TemporaryDirectory(prefix="simulation-", dir=place) as scratch:
        loop = Loop()
        world = World(scenario, loop)
        loop.set_exception_handler(lambda _, context: _unexpected(world, context))
        try:
            loop.run_until_complete(_Run(world, Path(scratch)).run())
        except AssertionError as error:
            world.violate(f"stuck: {error}")
        finally:
            loop.close()
    lines = world.lines() if trace or world.violations else []
    return Outcome(tuple(world.violations), tuple(lines), tuple(world.fired), tuple(world.points))


class _Run:
    """The phases of a run: faults, calm, the end."""

    def __init__(self, world: World, scratch: Path) -> None:
        scenario = world.scenario
        self._world = world
        files = rows.Files(is_real=scenario.is_real)
        self._invariants = Invariants(world, files)
        self._bucket = Bucket(world)
        self._bucket.on_create = self._invariants.created
        self._broker = Broker(world)
        self._broker.on_ack = lambda message: self._invariants.acked(message.message_id)
        self._lake = Lake(world, self._bucket, self._invariants, files, scratch)
        self._threads: list[ThreadActor] = []
        self._end = asyncio.Event()

    async def run(self) -> None:
        world, scenario = self._world, self._world.scenario
        self._schedule_messages()
        writers = [asyncio.create_task(self._write(f"writer{i}")) for i in range(scenario.writers)]
        for kind, count, body in (
            ("compactor", scenario.compactors, self._lake.compactor),
            ("collector", scenario.collectors, self._lake.collector),
            ("reader", scenario.readers, self._lake.reader),
        ):
            for i in range(count):
                self._start(f"{kind}{i}", body)
        await self._until(lambda: False, scenario.duration_s)
        world.is_calm = True
        world.note("world", "calm: no more faults")
        if not await self._until(lambda: self._broker.is_empty, _DRAIN_S):
            world.violate("messages are not acked in all this time")
        self._end.set()
        await asyncio.gather(*writers)
        world.is_ending = True
        if not await self._until(self._is_quiet, _DRAIN_S):
            world.violate("a round does not end")
        elif not world.violations:
            last = self._start("last", self._lake.finish)
            await self._until(lambda: not last.is_running, _DRAIN_S)
        await self._end_threads()

    def _schedule_messages(self) -> None:
        scenario, publisher = self._world.scenario, Publisher(self._world.scenario)
        rng = random.Random(f"{scenario.seed} times")

        def publish() -> None:
            published = publisher.message(self._world.wall())
            self._invariants.published(published)
            text = published.message.data.decode()
            self._world.note("publisher", f"message {published.message.message_id}: {text}")
            self._broker.publish(published.message)

        for at in sorted(rng.uniform(0, scenario.duration_s) for _ in range(scenario.messages)):
            self._world.loop.call_at(at, publish)

    async def _write(self, name: str) -> None:
        actor = WriterActor(self._world, name)
        await actor.run(SimulatedStore(self._bucket, actor), SimulatedSubscription(self._broker, actor), self._end)

    def _start(self, name: str, body: Callable[[ThreadActor], None]) -> ThreadActor:
        actor = ThreadActor(self._world, name, body)
        self._threads.append(actor)
        actor.start(actor.rng.uniform(0, self._world.scenario.round_s))
        return actor

    def _is_quiet(self) -> bool:
        return not self._world.late_effects and not any(actor.is_running for actor in self._threads)

    async def _until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Lets time pass until it holds or an invariant is violated; returns whether it holds."""
        give_up_at = self._world.loop.time() + within_s
        while not condition() and not self._world.violations:
            if self._world.loop.time() >= give_up_at:
                return False
            await asyncio.sleep(min(0.5, give_up_at - self._world.loop.time() + 0.001))
        return condition()

    async def _end_threads(self) -> None:
        """After a violation: ends all actors."""
        self._world.is_ending = True
        for actor in self._threads:
            actor.abandon()


class InlineExecutor(Executor):
    """Runs each call at once in the caller; a `map` in shuffled order."""

    rng = random.Random(0)

    def __init__(self, workers: int, thread_name_prefix: str = "") -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)
        return future

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        calls = list(zip(*iterables, strict=True))
        futures: dict[int, Future[Any]] = {}
        for index in self.rng.sample(range(len(calls)), len(calls)):
            futures[index] = self.submit(fn, *calls[index])
        return iter([futures[index].result() for index in range(len(calls))])


class Rewrites:
    """Replaces the check whether a month file has an older format."""

    def __init__(self, scenario: Scenario) -> None:
        self._rng = random.Random(f"{scenario.seed} rewrites")
        self._rate = scenario.rewrite_rate

    def __call__(self, _: MonthFile) -> bool:
        return self._rng.random() < self._rate


@contextmanager
def machinery(scenario: Scenario) -> Iterator[None]:
    """Replaces thread pools and, unless the scenario is real, Parquet and DuckDB by simulations."""
    replaced: dict[str, Any] = {
        "lakehouse.table.file_cache.ThreadPoolExecutor": InlineExecutor,
        "lakehouse.client.verify.ThreadPoolExecutor": InlineExecutor,
        "ingest_writer.compaction.month_merge.ThreadPoolExecutor": InlineExecutor,
        "ingest_writer.compaction.garbage_collector.ThreadPoolExecutor": InlineExecutor,
        "ingest_writer.compaction.layout.is_outdated": Rewrites(scenario),
    }
    if not scenario.is_real:
        replaced |= {
            "ingest_writer.landing.rejected_table": rows.plain_rejected,
            "ingest_writer.landing.to_parquet": rows.plain_bytes,
            "lakehouse.table.planner.check_landed_file": rows.check_plain_landed,
            "lakehouse.table.snapshot.check_month_file": rows.check_plain_month,
            "ingest_writer.compaction.month_merge.Merger": rows.PlainMerger,
            "ingest_writer.compaction.month_merge.row_count": rows.plain_row_count,
        }
    else:  # its pulls are small, and would all go line by line
        replaced["ingest_writer.landing.decode_messages"] = partial(decode_messages, columns_from_bytes=0)
    InlineExecutor.rng = random.Random(f"{scenario.seed} executor")
    before = logging.root.manager.disable
    with ExitStack() as stack:
        for name, stand_in in replaced.items():
            stack.enter_context(mock.patch(name, stand_in))
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


def _unexpected(world: World, context: dict[str, Any]) -> None:
    """Errors that asyncio would log because no task handles them."""
    if not isinstance(context.get("exception"), Killed):
        world.violate(f"unexpected: {context.get('message')}: {context.get('exception')!r}")
