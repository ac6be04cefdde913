"""The subscriber: pull, collect, prepare, land, ack. Ack is the last step, and nowhere else.

Messages go one way: Puller -> Buffer -> batch loop -> Uploads -> ack. LeaseKeeper and Quarantine nack
messages. One event loop owns all state; blocking work (decoding, Parquet, uploads) goes through
`run_blocking`. Time is the loop's, randomness is passed in: a simulation can own them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import Final

from ingest_writer.landing import Prepared, isolate_poison_messages
from ingest_writer.subscriber.buffer import Batch, Buffer
from ingest_writer.subscriber.counts import Counts, Observer
from ingest_writer.subscriber.event_loop import Backoff, RunBlocking, cancel, raise_failed
from ingest_writer.subscriber.options import WriterOptions
from ingest_writer.subscriber.puller import LeaseKeeper, Puller
from ingest_writer.subscriber.quarantine import Quarantine
from ingest_writer.subscriber.subscription import AckIdsError, Subscription, SubscriptionUnavailableError, nack
from ingest_writer.subscriber.uploads import Uploads
from lakehouse.object_names import RandomId
from lakehouse.store.store import Store

log = logging.getLogger(__name__)

_NACK_S: Final = 1.0  # after the drain time; a nack only saves waiting until the leases end


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
        self._options = options
        self._random_id = random_id
        self._run_blocking = run_blocking
        self._observer = observer or Observer()
        self._backoff = Backoff(rng, options.backoff_max_s)
        self._stopping = False
        self.counts = counts = Counts()
        self._buffer = buffer = Buffer(options.limits.max_dates)
        self._uploads = Uploads(store, options, run_blocking, self._backoff, buffer.notify)
        self._puller = Puller(
            subscription, buffer, options, counts, self._backoff, lambda: bool(self._uploads.health_error)
        )
        self._lease_keeper = LeaseKeeper(subscription, buffer, options, counts, self._observer)
        self._quarantine = Quarantine(subscription, buffer, options.backoff_max_s, counts)

    @property
    def batch_max_age_s(self) -> float:
        """How long a batch collects."""
        return self._options.limits.max_age_s

    @property
    def storage_error(self) -> str:
        """Storage's last error while it is away, or empty."""
        return self._uploads.health_error

    @property
    def subscription_error(self) -> str:
        """What is wrong with the subscription, or empty."""
        return self._puller.health_error

    @property
    def batch_error(self) -> str:
        """Why a batch could not be prepared, or empty."""
        return self._quarantine.health_error

    def storage_state(self, now_s: float) -> str:
        """Like `storage_error`, or that an upload has stalled at `now_s` of the loop's clock. For any thread."""
        return self._uploads.state(now_s)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then lands and acks what is held, within the drain time."""
        pulls = [asyncio.create_task(self._puller.run()) for _ in range(self._options.pulls_in_flight)]
        batcher = asyncio.create_task(self._batch_loop())
        keeper = asyncio.create_task(self._lease_keeper.run())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*pulls, batcher, keeper, stopped], return_when=asyncio.FIRST_COMPLETED)
            self._stopping = True
            await cancel(pulls)
            raise_failed([*pulls, batcher, keeper])
            self._buffer.notify()
            await self._drain(batcher)
        finally:
            await cancel([*pulls, batcher, keeper, stopped, *self._buffer.tasks])

    async def _batch_loop(self) -> None:
        """Lands each batch when it is full or due, until the writer stops and none is left."""
        while not (self._stopping and self._buffer.collecting is None):
            if self._should_close(self._buffer.collecting):
                self._buffer.land(self._land_and_ack)
            else:
                await self._buffer.wait_for_change(self._time_to_close_s(self._buffer.collecting))

    def _should_close(self, batch: Batch | None) -> bool:
        if batch is None or self._buffer.batches_landing >= self._options.batches_in_flight:
            return False
        due = asyncio.get_running_loop().time() >= batch.due_s(self._options.limits)
        return self._stopping or due or batch.is_full(self._options.limits)

    def _time_to_close_s(self, batch: Batch | None) -> float | None:
        if batch is None or self._buffer.batches_landing >= self._options.batches_in_flight:
            return None
        return max(0.0, batch.due_s(self._options.limits) - asyncio.get_running_loop().time())

    async def _land_and_ack(self, batch: Batch) -> None:
        """Acks the batch once every object of it is durable. This is the only way to an ack."""
        began = asyncio.get_running_loop().time()
        prepared, poison = await self._run_blocking(lambda: isolate_poison_messages(batch.messages, self._random_id))
        batch.messages.clear()  # from here on their leases are enough
        self._count_decoded(prepared)
        if poison:
            self._quarantine.add(batch.split_off(poison.keys()), list(poison.values()))
        if not batch.leases:
            return
        if failures := await self._uploads.land_all(prepared.objects):
            self._quarantine.add(batch.leases, failures)
            return
        landing_s = asyncio.get_running_loop().time() - began
        if self._quarantine.health_error:
            self._quarantine.note_landed()
        self._count_landed(prepared)
        _log_rejected(prepared)
        self._observer.landed(batch, prepared, began - batch.opened_s, landing_s)
        messages = len(batch.ack_ids)
        await self._acknowledge(batch)
        _log_landed(batch, prepared, began, messages)

    async def _acknowledge(self, batch: Batch) -> None:
        """Acks a durable batch. A lost ack only means a redelivery, which changes nothing.

        Tries until the leases cannot be kept; then the batch is given up like any other. What was answered for some
        ack ids is not asked again.
        """
        failures = 0
        while ack_ids := batch.ack_ids:
            try:
                await self._subscription.acknowledge(ack_ids)
            except SubscriptionUnavailableError as error:
                if isinstance(error, AckIdsError):
                    self.counts.given_up += batch.drop_ack_ids(error.lost)
                    self.counts.acked += batch.drop_ack_ids(set(ack_ids) - error.to_retry)
                failures += 1
                log.info("ack not taken, tries again: %s", error)
                if batch.leases:
                    await self._backoff.pause(failures)
            else:
                self.counts.acked += batch.drop_ack_ids(set(ack_ids))  # some may have been given up meanwhile
                return

    def _count_decoded(self, prepared: Prepared) -> None:
        """The messages of a batch became events and rejected lines."""
        self.counts.decoded_rows += prepared.events
        self.counts.decoded_unknown_fields += prepared.unknown_fields
        for lines in prepared.rejected.values():
            self.counts.decoded_rejected.update(line.stage for line in lines)

    def _count_landed(self, prepared: Prepared) -> None:
        """All of a batch is durable."""
        self.counts.landed_objects += len(prepared.objects)
        self.counts.rows += prepared.events
        self.counts.rejected += sum(map(len, prepared.rejected.values()))
        self.counts.unknown_fields += prepared.unknown_fields

    async def _drain(self, batcher: asyncio.Task[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_s):
                await batcher
                await self._buffer.wait_until_landed()
        left = [ack_id for batch in self._buffer.batches for ack_id in batch.ack_ids]
        if not left:
            return
        await cancel(self._buffer.tasks)
        log.warning("stopped with %d messages unacked; they will be delivered again", len(left))
        try:
            async with asyncio.timeout(_NACK_S):
                await nack(self._subscription, left)
        except TimeoutError:
            log.info("messages not given back within %s s, their leases will end by themselves", _NACK_S)


def _log_rejected(prepared: Prepared) -> None:
    for lines in prepared.rejected.values():
        first = lines[0]
        log.warning(
            "rejected %d lines, the first of message %s line %d: %s: %s",
            len(lines),
            first.message_id,
            first.message_line,
            first.stage,
            first.reason,
        )


def _log_landed(batch: Batch, prepared: Prepared, began_s: float, messages: int) -> None:
    fields = {
        "rows": prepared.events,
        "rejected": sum(map(len, prepared.rejected.values())),
        "messages": messages,
        "objects": len(prepared.objects),
        "bytes": batch.byte_count,
        "age_s": began_s - batch.opened_s,
        "landing_s": asyncio.get_running_loop().time() - began_s,
    }
    log.info(
        "batch landed: rows=%(rows)d rejected=%(rejected)d messages=%(messages)d objects=%(objects)d bytes=%(bytes)d"
        " landing_s=%(landing_s).3f",
        fields,
        extra={"fields": fields},
    )
