"""Pulls messages into the buffer while there is room and storage is not away; keeps their leases.

A lease is the right to ack. It is extended until its batch is acked; a batch whose leases cannot be
kept is given up. Nothing here acks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from ingest_writer.subscriber.buffer import Batch, Buffer, Lease
from ingest_writer.subscriber.counts import Counts, Observer
from ingest_writer.subscriber.event_loop import Backoff
from ingest_writer.subscriber.options import WriterOptions
from ingest_writer.subscriber.subscription import AckIdsError, Subscription, SubscriptionUnavailableError, nack

log = logging.getLogger(__name__)

_NOT_YET: Final = "no pull has been answered yet"


class Puller:
    """Pulls again and again. `health_error` is the last error while Pub/Sub is away, or empty."""

    def __init__(
        self,
        subscription: Subscription,
        buffer: Buffer,
        options: WriterOptions,
        counts: Counts,
        backoff: Backoff,
        is_storage_away: Callable[[], bool],
    ) -> None:
        self._subscription = subscription
        self._buffer = buffer
        self._options = options
        self._counts = counts
        self._backoff = backoff
        self._is_storage_away = is_storage_away
        self.health_error = _NOT_YET

    async def run(self) -> None:
        """One pull after another, forever. Several may run at once."""
        failures = 0
        while True:
            while not self._may_pull():
                await self._buffer.wait_for_change()
            try:
                await self._pull_once()
            except SubscriptionUnavailableError as error:
                if self.health_error in ("", _NOT_YET):
                    log.warning("pubsub is away, keeps trying: %s", error)
                self.health_error = str(error)
                failures += 1
                await self._backoff.pause(failures)
            else:
                if self.health_error:
                    log.info("pubsub answers")
                self.health_error = ""
                failures = 0

    async def _pull_once(self) -> None:
        # An idle pull is answered after a long wait: while Pub/Sub may be away, ask without waiting.
        wait = not self.health_error
        messages = await self._subscription.pull(self._options.pull_max_messages, wait=wait)
        if messages:
            now = asyncio.get_running_loop().time()
            self._counts.messages += len(messages)
            self._buffer.add(messages, now, now + self._options.ack_deadline_s)

    def _may_pull(self) -> bool:
        """Whether there is room and storage is not away, which only a batch can find out."""
        if not self._buffer.batches:
            return True  # also while storage is away: a new batch tries it
        has_room = self._buffer.has_room(self._options.buffer_max_rows, self._options.buffer_max_bytes)
        return has_room and not self._is_storage_away()


class LeaseKeeper:
    """Extends the leases of every batch in the buffer."""

    def __init__(
        self, subscription: Subscription, buffer: Buffer, options: WriterOptions, counts: Counts, observer: Observer
    ) -> None:
        self._subscription = subscription
        self._buffer = buffer
        self._options = options
        self._counts = counts
        self._observer = observer

    async def run(self) -> None:
        """Checks all leases about once a second, forever."""
        while True:
            await asyncio.sleep(min(1.0, self._options.ack_deadline_s / 10))
            self._observer.holds(self._buffer.batches)
            for batch in self._buffer.batches:
                if ended := await self._keep(batch):
                    await self._give_up(batch, ended)

    async def _keep(self, batch: Batch) -> list[Lease]:
        """Extends the leases that end soon; returns those that have ended."""
        ended = []
        deadline_s = self._options.ack_deadline_s
        for lease in batch.leases:
            now = asyncio.get_running_loop().time()
            if now - lease.received_s > self._options.lease_max_s or now > lease.until_s:
                ended.append(lease)
            elif lease.until_s - now < deadline_s / 2:
                await self._extend(batch, lease, now + deadline_s)
        return ended

    async def _extend(self, batch: Batch, lease: Lease, until_s: float) -> None:
        """As many of the lease's messages as the subscription takes; those it has lost are forgotten."""
        try:
            await self._subscription.modify_ack_deadline(lease.ack_ids, int(self._options.ack_deadline_s))
            lease.until_s = until_s
        except AckIdsError as error:
            self._counts.given_up += batch.drop_ack_ids(error.lost)
            batch.extend(set(lease.ack_ids) - error.lost - error.to_retry, until_s)
            log.warning("lease extended in part: %s", error)
        except SubscriptionUnavailableError as error:
            log.warning("lease not extended, tries again until it ends: %s", error)

    async def _give_up(self, batch: Batch, ended: Sequence[Lease]) -> None:
        """Nacks the messages of these leases; they will be delivered again.

        The batch lands with the others, and is dropped from memory when none is left: a message that lands twice
        changes nothing.
        """
        ack_ids = {ack_id for lease in ended for ack_id in lease.ack_ids}
        given_up = batch.drop_ack_ids(ack_ids)
        if not batch.leases:
            await self._buffer.drop(batch)
        self._counts.given_up += given_up
        log.warning("leases of %d messages could not be kept; given back", given_up)
        await nack(self._subscription, sorted(ack_ids))
