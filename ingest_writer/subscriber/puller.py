"""From the subscription into the buffer, as long as there is room and storage takes what is held."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ingest_writer.subscriber.backoff import Backoff
from ingest_writer.subscriber.buffer import Buffer
from ingest_writer.subscriber.counts import Counts
from ingest_writer.subscriber.options import WriterOptions
from ingest_writer.subscriber.subscription import Subscription, SubscriptionUnavailableError

log = logging.getLogger(__name__)

_NOT_YET: Final = "no pull has been answered yet"


class Puller:
    """Pulls again and again. `health_error` is what is wrong with the subscription, or empty."""

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
        """One pull after another, for ever. Several of these may run at once."""
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
        # An idle pull is answered after a long wait: as long as nothing is known, it is not known for long.
        wait = not self.health_error
        messages = await self._subscription.pull(self._options.pull_max_messages, wait=wait)
        if messages:
            now = asyncio.get_running_loop().time()
            self._counts.messages += len(messages)
            self._buffer.add(messages, now, now + self._options.ack_deadline_s)

    def _may_pull(self) -> bool:
        """Room in memory, and storage that takes what is there: only a batch can find out whether it does."""
        if not self._buffer.batches:
            return True  # also when storage was away until the last batch was given up
        has_room = self._buffer.has_room(self._options.buffer_max_rows, self._options.buffer_max_bytes)
        return has_room and not self._is_storage_away()
