"""From pending objects to durable ones: some uploads at once, each object tried until it is stored.

Knows the store and its health; nothing of messages or acks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from ingest_writer.landing import PendingObject, store_object
from ingest_writer.subscriber.event_loop import Backoff, RunBlocking, cancel
from ingest_writer.subscriber.options import WriterOptions
from lakehouse.errors import CreateStateUnknownError, LakeError
from lakehouse.store.store import Store

log = logging.getLogger(__name__)


class Uploads:
    """Stores objects. `health_error` is storage's last error while it is away, or empty."""

    def __init__(
        self,
        store: Store,
        options: WriterOptions,
        run_blocking: RunBlocking,
        backoff: Backoff,
        on_durable: Callable[[], None],
    ) -> None:
        """`on_durable` is called after each object that was stored."""
        self._store = store
        self._run_blocking = run_blocking
        self._backoff = backoff
        self._on_durable = on_durable
        self._stall_s = options.upload_stall_s
        self._in_flight = asyncio.Semaphore(options.uploads_in_flight)
        self._pending: dict[PendingObject, float] = {}  # when their first upload began
        self.health_error = ""

    def state(self, now_s: float) -> str:
        """What is wrong with storage at `now_s` of the loop's clock, or empty. For any thread.

        A storage that never answers fails an upload only at the client's timeouts, a minute later.
        """
        oldest_s = min(tuple(self._pending.values()), default=now_s)
        if not self.health_error and now_s - oldest_s > self._stall_s:
            return f"an upload has had no answer for {now_s - oldest_s:.0f} s"
        return self.health_error

    async def land_all(self, objects: Sequence[PendingObject]) -> list[BaseException]:
        """Lands every object, whatever happens to the others. All are durable when it returns no failure.

        Errors of storage are retried; any other exception is a failure. So is an upload cancelled
        by the end of its thread pool: its object is not durable.
        """
        tasks = [asyncio.create_task(self._land(pending)) for pending in objects]
        try:
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            await cancel(tasks)
            raise
        return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]

    async def _land(self, pending: PendingObject) -> None:
        """Stores the object under one new name after another, until it is durable."""
        try:
            await self._land_until_durable(pending)
        finally:
            self._pending.pop(pending, None)

    async def _land_until_durable(self, pending: PendingObject) -> None:
        failures = 0
        while True:
            try:
                async with self._in_flight:
                    self._pending.setdefault(pending, asyncio.get_running_loop().time())
                    await self._run_blocking(lambda: store_object(self._store, pending))
            except LakeError as error:
                failures += 1
                self._note_failure(error, failures)
                await self._backoff.pause(failures)
            else:
                if self.health_error:
                    log.info("storage answers")
                self.health_error = ""
                self._on_durable()
                return

    def _note_failure(self, error: LakeError, failures: int) -> None:
        if failures == 1 and isinstance(error, CreateStateUnknownError):
            return  # one lost answer is no outage
        if not self.health_error:
            log.warning("storage is away, stops pulling and keeps trying: %s", error)
        self.health_error = str(error)
