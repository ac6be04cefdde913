"""Keeps the right to ack what is held; a batch whose leases cannot be kept is given up.

Leases are what stands between a slow storage and a second delivery. Nothing here acks.
"""

from __future__ import annotations

import asyncio
import logging

from ingest_writer.subscriber.batch import Batch
from ingest_writer.subscriber.buffer import Buffer
from ingest_writer.subscriber.counts import Counts
from ingest_writer.subscriber.observer import Observer
from ingest_writer.subscriber.options import WriterOptions
from ingest_writer.subscriber.subscription import Subscription, SubscriptionUnavailableError, nack

log = logging.getLogger(__name__)


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
        """Looks at all leases about once a second, for ever."""
        while True:
            await asyncio.sleep(min(1.0, self._options.ack_deadline_s / 10))
            self._observer.holds(self._buffer.batches)
            for batch in self._buffer.batches:
                if not await self._keep(batch):
                    await self._give_up(batch)

    async def _keep(self, batch: Batch) -> bool:
        deadline_s = self._options.ack_deadline_s
        for lease in batch.leases:
            now = asyncio.get_running_loop().time()
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
        await self._buffer.drop(batch)
        ack_ids = batch.ack_ids
        self._counts.given_up += len(ack_ids)
        log.warning("leases of %d messages could not be kept; given back", len(ack_ids))
        await nack(self._subscription, ack_ids)
