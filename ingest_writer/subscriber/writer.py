"""The subscriber: pull, collect, prepare, land, ack. Ack is the last step, and nowhere else.

One event loop owns all state; what blocks (decoding, Parquet, uploads) goes through `run_blocking`. Time is the
loop's, randomness is passed in: a simulation can own them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ingest_writer.decoding.tables import OTHER_NAMES, UNKNOWN_NAMES
from ingest_writer.landing import PendingObject, store_object
from ingest_writer.message import Message, Subscription, SubscriptionUnavailableError
from ingest_writer.subscriber.batch import Batch, Lease, Limits
from ingest_writer.subscriber.encode import Prepared, isolate_poison_messages
from ingest_writer.subscriber.observer import Observer
from lakehouse.errors import CreateStateUnknownError, LakeError
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store
from lakehouse.telemetry import logs

log = logging.getLogger(__name__)
T = TypeVar("T")

_NOT_YET = "no pull has been answered yet"
_IDS_SAID = 10  # message ids in one line of the log
_NACK_S = 1.0  # after the drain time: it saves a wait for leases to end, nothing else


class RunBlocking(Protocol):
    """Runs a blocking function without blocking the loop."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True)
class WriterOptions:
    """Bounds of a writer; the settings say why their defaults are what they are."""

    limits: Limits
    pulls_in_flight: int
    pull_max_messages: int
    batches_in_flight: int
    uploads_in_flight: int
    upload_stall_s: float
    buffer_max_rows: int
    buffer_max_bytes: int
    ack_deadline_s: float
    lease_max_s: float
    backoff_max_s: float
    drain_s: float


@dataclass
class Counts:
    """What happened since the start."""

    messages: int = 0
    rows: int = 0
    rejected: int = 0
    landed_objects: int = 0
    batches: int = 0
    acked: int = 0
    given_up: int = 0
    failed_batches: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)


class Writer:
    """Moves messages of a subscription into a store until it is told to stop."""

    def __init__(
        self,
        subscription: Subscription,
        store: Store,
        options: WriterOptions,
        random_id: RandomId,
        rng: random.Random,
        run_blocking: RunBlocking,
        observer: Observer | None = None,
    ) -> None:
        self._subscription = subscription
        self._store = store
        self._options = options
        self._random_id = random_id
        self._rng = rng
        self._run_blocking = run_blocking
        self._observer = observer or Observer()
        self.counts = Counts()
        self.storage_trouble = ""
        self.batch_trouble = ""
        self.subscription_trouble = _NOT_YET
        self._open: Batch | None = None
        self._landing: dict[asyncio.Task[None], Batch] = {}
        self._apart: dict[asyncio.Task[None], Batch] = {}
        self._uploads = asyncio.Semaphore(options.uploads_in_flight)
        self._uploading: dict[object, float] = {}  # objects not durable yet, by when their first upload began
        self._changed = asyncio.Event()
        self._stopping = False

    def storage_state(self, now_s: float) -> str:
        """What is wrong with storage at `now_s` of the loop's clock, or nothing. For any thread.

        A storage that takes uploads and does not answer fails none of them before its timeouts, a minute later.
        """
        oldest_s = min(tuple(self._uploading.values()), default=now_s)
        if not self.storage_trouble and now_s - oldest_s > self._options.upload_stall_s:
            return f"an upload has had no answer for {now_s - oldest_s:.0f} s"
        return self.storage_trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then lands and acks what it holds, within the drain time."""
        loops = [asyncio.create_task(self._pull_loop()) for _ in range(self._options.pulls_in_flight)]
        batcher = asyncio.create_task(self._batch_loop())
        keeper = asyncio.create_task(self._lease_loop())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*loops, batcher, keeper, stopped], return_when=asyncio.FIRST_COMPLETED)
            self._stopping = True
            await _cancel(loops)
            _raise_failed([*loops, batcher, keeper])
            self._changed.set()
            await self._drain(batcher)
        finally:
            await _cancel([*loops, batcher, keeper, stopped, *self._landing, *self._apart])

    # -- pulling ---------------------------------------------------------------------------------------------

    async def _pull_loop(self) -> None:
        failures = 0
        while True:
            await self._wait_for(self._may_pull)
            try:
                await self._pull_once()
            except SubscriptionUnavailableError as error:
                if self.subscription_trouble in ("", _NOT_YET):
                    log.warning("pubsub is away, keeps trying: %s", error)
                self.subscription_trouble = str(error)
                failures += 1
                await asyncio.sleep(self._backoff_s(failures))
            else:
                if self.subscription_trouble:
                    log.info("pubsub answers")
                self.subscription_trouble = ""
                failures = 0

    async def _pull_once(self) -> None:
        # An idle pull is answered after a long wait: as long as nothing is known, it is not known for long.
        wait = not self.subscription_trouble
        messages = await self._subscription.pull(self._options.pull_max_messages, wait=wait)
        if messages:
            self._take(messages)

    def _take(self, messages: Sequence[Message]) -> None:
        now = self._now()
        self.counts.messages += len(messages)
        if self._open is None:
            self._open = Batch(opened_s=now)
        self._open.add(messages, now, now + self._options.ack_deadline_s)
        self._changed.set()

    def _may_pull(self) -> bool:
        """Room in memory, and storage that takes what is there: only a batch can find out whether it does."""
        held = self._held()
        if not held:
            return True  # also when storage was away until the last batch was given up
        rows = sum(batch.row_count for batch in held)
        size = sum(batch.byte_count for batch in held)
        return (
            not self.storage_trouble and rows < self._options.buffer_max_rows and size < self._options.buffer_max_bytes
        )

    # -- batching --------------------------------------------------------------------------------------------

    async def _batch_loop(self) -> None:
        while not (self._stopping and self._open is None):
            if self._open is not None and self._should_close(self._open):
                self._start_landing(self._open)
                self._open = None
                continue
            await self._wait_for_change(self._time_to_close())

    def _should_close(self, batch: Batch) -> bool:
        if len(self._landing) >= self._options.batches_in_flight:
            return False
        due = self._now() >= batch.due_s(self._options.limits)
        return self._stopping or due or batch.is_full(self._options.limits)

    def _time_to_close(self) -> float | None:
        if self._open is None or len(self._landing) >= self._options.batches_in_flight:
            return None
        return max(0.0, self._open.due_s(self._options.limits) - self._now())

    def _start_landing(self, batch: Batch) -> None:
        task = asyncio.create_task(self._land_and_ack(batch))
        self._landing[task] = batch
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._landing.pop(task, None)
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a batch task ended; its messages come again", exc_info=task.exception())

    # -- landing ---------------------------------------------------------------------------------------------

    async def _land_and_ack(self, batch: Batch) -> None:
        began = self._now()
        prepared, guilty = await self._run_blocking(lambda: isolate_poison_messages(batch.messages, self._random_id))
        batch.messages.clear()  # from here on their ids are enough
        self._observer.prepared(prepared)
        if guilty:
            self._isolate_poison_messages(batch.take_apart(guilty.keys()), list(guilty.values()))
        if not batch.leases:
            return
        if failures := await self._land_all(prepared.objects):
            self._isolate_poison_messages(batch.leases, failures)
            return
        if not self._apart:
            self.batch_trouble = ""
        self._count_landed(prepared)
        self._observer.landed(batch, prepared, began - batch.opened_s, self._now() - began)
        await self._acknowledge(batch)
        self._log_landed(batch, prepared, began)

    def _log_landed(self, batch: Batch, prepared: Prepared, began: float) -> None:
        rejected = sum(map(len, prepared.rejected.values()))
        log.info(
            "batch landed: rows=%d rejected=%d messages=%d objects=%d bytes=%d landing_s=%.3f",
            prepared.events,
            rejected,
            len(batch.ack_ids),
            len(prepared.objects),
            batch.byte_count,
            self._now() - began,
            extra=logs.fields(
                rows=prepared.events,
                rejected=rejected,
                messages=len(batch.ack_ids),
                objects=len(prepared.objects),
                bytes=batch.byte_count,
                age_s=began - batch.opened_s,
                landing_s=self._now() - began,
            ),
        )

    async def _land_all(self, objects: Sequence[PendingObject]) -> list[BaseException]:
        """Lands every object, whatever happens to the others; what went wrong otherwise than storage does.

        That one was cancelled by itself, with the pool that it waited for, is a failure too: it is not durable.
        """
        tasks = [asyncio.create_task(self._land(landed)) for landed in objects]
        try:
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            await _cancel(tasks)
            raise
        return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]

    def _isolate_poison_messages(self, leases: list[Lease], failures: Sequence[BaseException]) -> None:
        """Says aloud what could not be prepared. Nothing of it is acked: after a pause the messages are given back."""
        message_ids = [message_id for lease in leases for message_id in lease.message_ids]
        apart = Batch(opened_s=self._now(), leases=leases, row_count=len(message_ids))  # counted: held is bounded
        self.counts.failed_batches += 1
        self._observer.failed()
        self.batch_trouble = f"a batch could not be prepared: {type(failures[0]).__name__}"
        log.error(
            "%d messages not acked, they come again (%s): %s",
            len(message_ids),
            ", ".join(message_ids[:_IDS_SAID]),
            self.batch_trouble,
            exc_info=failures[0],
        )
        task = asyncio.create_task(self._give_back(apart))
        self._apart[task] = apart
        task.add_done_callback(self._given_back)

    async def _give_back(self, apart: Batch) -> None:
        await asyncio.sleep(self._options.backoff_max_s)
        await self._nack(apart.ack_ids)

    def _given_back(self, task: asyncio.Task[None]) -> None:
        self._apart.pop(task, None)
        self._changed.set()

    def _count_landed(self, prepared: Prepared) -> None:
        self.counts.batches += 1
        self.counts.landed_objects += len(prepared.objects)
        self.counts.rows += prepared.events
        self._count_unknown_fields(prepared.unknown_fields)
        for lines in prepared.rejected.values():
            self.counts.rejected += len(lines)
            first = lines[0]
            log.warning(
                "rejected %d lines, the first of message %s line %d: %s: %s",
                len(lines),
                first.message_id,
                first.message_line,
                first.stage,
                first.reason,
            )

    def _count_unknown_fields(self, found: Counter[str]) -> None:
        known = self.counts.unknown_fields
        for name, times in found.items():
            known[name if name in known or len(known) < UNKNOWN_NAMES else OTHER_NAMES] += times

    async def _land(self, landed: PendingObject) -> None:
        """Stores the object, trying again under a new name until it is durable."""
        try:
            await self._land_until_durable(landed)
        finally:
            self._uploading.pop(landed, None)

    async def _land_until_durable(self, landed: PendingObject) -> None:
        failures = 0
        while True:
            try:
                async with self._uploads:
                    self._uploading.setdefault(landed, self._now())
                    await self._run_blocking(lambda: store_object(self._store, landed))
            except LakeError as error:
                failures += 1
                self._note_storage_trouble(error, failures)
                await asyncio.sleep(self._backoff_s(failures))
            else:
                if self.storage_trouble:
                    log.info("storage answers")
                self.storage_trouble = ""
                self._changed.set()
                return

    def _note_storage_trouble(self, error: LakeError, failures: int) -> None:
        if failures == 1 and isinstance(error, CreateStateUnknownError):
            return  # one lost answer is no outage
        if not self.storage_trouble:
            log.warning("storage is away, stops pulling and keeps trying: %s", error)
        self.storage_trouble = str(error)

    async def _acknowledge(self, batch: Batch) -> None:
        """Everything of the batch is durable. A lost ack only means a redelivery, which changes nothing.

        Tries until the leases cannot be kept any more: then the batch is given up like any other.
        """
        ack_ids = batch.ack_ids
        failures = 0
        while True:
            try:
                await self._subscription.acknowledge(ack_ids)
            except SubscriptionUnavailableError as error:
                failures += 1
                log.info("ack not taken, tries again: %s", error)
                await asyncio.sleep(self._backoff_s(failures))
            else:
                self.counts.acked += len(ack_ids)
                return

    # -- leases ----------------------------------------------------------------------------------------------

    async def _lease_loop(self) -> None:
        """Keeps the messages of slow batches; gives a batch up when its lease cannot be kept."""
        while True:
            await asyncio.sleep(min(1.0, self._options.ack_deadline_s / 10))
            self._observer.holds(self._held())
            for batch in self._held():
                if not await self._keep(batch):
                    await self._give_up(batch)

    async def _keep(self, batch: Batch) -> bool:
        deadline_s = self._options.ack_deadline_s
        for lease in batch.leases:
            now = self._now()
            if now - lease.received_s > self._options.lease_max_s or now > lease.until_s:
                return False
            if lease.until_s - now < deadline_s / 2:
                try:
                    await self._subscription.modify_ack_deadline(lease.ack_ids, int(deadline_s))
                    lease.until_s = now + deadline_s
                except SubscriptionUnavailableError as error:
                    log.warning("lease not extended, tries again until it ends: %s", error)
        return True

    async def _give_up(self, batch: Batch) -> None:
        """Drops the batch from memory and gives its messages back; they will be delivered again."""
        tasks = [task for task, held in [*self._landing.items(), *self._apart.items()] if held is batch]
        await _cancel(tasks)
        if self._open is batch:
            self._open = None
        ack_ids = batch.ack_ids
        self.counts.given_up += len(ack_ids)
        self._observer.given_up(batch)
        log.warning("leases of %d messages could not be kept; given back", len(ack_ids))
        self._changed.set()
        await self._nack(ack_ids)

    async def _nack(self, ack_ids: list[str]) -> None:
        try:
            await self._subscription.modify_ack_deadline(ack_ids, 0)
        except SubscriptionUnavailableError as error:
            log.info("messages not given back, their leases will end by themselves: %s", error)

    # -- stopping --------------------------------------------------------------------------------------------

    async def _drain(self, batcher: asyncio.Task[None]) -> None:
        async def land_everything() -> None:
            await batcher
            while self._landing:
                await asyncio.wait(self._landing)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_s):
                await land_everything()
        left = [ack_id for batch in self._held() for ack_id in batch.ack_ids]
        if not left:
            return
        await _cancel([*self._landing, *self._apart])
        log.warning("stopped with %d messages unacked; they will be delivered again", len(left))
        try:
            async with asyncio.timeout(_NACK_S):
                await self._nack(left)
        except TimeoutError:
            log.info("messages not given back within %s s, their leases will end by themselves", _NACK_S)

    # -- small things ----------------------------------------------------------------------------------------

    def _held(self) -> list[Batch]:
        return [*self._landing.values(), *self._apart.values(), *([] if self._open is None else [self._open])]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _backoff_s(self, failures: int) -> float:
        """Exponential from 0.1 s to the limit, with full jitter so that many writers do not march in step."""
        return self._rng.uniform(0.05, min(self._options.backoff_max_s, 0.1 * 2 ** min(failures, 20)))

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._wait_for_change(None)

    async def _wait_for_change(self, timeout_s: float | None) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _raise_failed(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
