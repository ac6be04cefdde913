"""Holds poison messages, which our own code fails on, and nacks them after a pause.

They are never acked, so nothing is lost; the pause keeps a message that always fails from becoming a busy loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from ingest_writer.subscriber.buffer import Batch, Buffer, Lease
from ingest_writer.subscriber.counts import Counts
from ingest_writer.subscriber.subscription import Subscription, nack

log = logging.getLogger(__name__)

_IDS_LOGGED: Final = 10  # message ids in one line of the log


class Quarantine:
    """Holds poison messages. `health_error` is set until a batch lands while none is held."""

    def __init__(self, subscription: Subscription, buffer: Buffer, pause_s: float, counts: Counts) -> None:
        self._subscription = subscription
        self._buffer = buffer
        self._pause_s = pause_s
        self._counts = counts
        self.health_error = ""

    def add(self, leases: list[Lease], failures: Sequence[BaseException]) -> None:
        """Logs the failure, and holds the leases for the pause."""
        message_ids = [message_id for lease in leases for message_id in lease.message_ids]
        self._counts.failed_batches += 1
        self.health_error = f"a batch could not be prepared: {type(failures[0]).__name__}"
        log.error(
            "%d messages not acked, they come again (%s): %s",
            len(message_ids),
            ", ".join(message_ids[:_IDS_LOGGED]),
            self.health_error,
            exc_info=failures[0],
        )
        # Messages count as rows: the buffer's limit bounds them too.
        held = Batch(opened_s=asyncio.get_running_loop().time(), leases=leases, row_count=len(message_ids))
        self._buffer.quarantine(held, self._nack_later)

    def note_landed(self) -> None:
        """A batch landed: healthy again, if nothing is held here."""
        if not self._buffer.has_quarantined:
            self.health_error = ""

    async def _nack_later(self, held: Batch) -> None:
        await asyncio.sleep(self._pause_s)
        await nack(self._subscription, held.ack_ids)
