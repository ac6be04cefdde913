"""The batches in memory, by what happens to them: one collects, some land, some wait in quarantine.

Every message that was pulled and is neither acked nor given back is in here. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ingest_writer.message import Message
from ingest_writer.subscriber.batch import Batch
from ingest_writer.subscriber.tasks import cancel

log = logging.getLogger(__name__)

Work = Callable[[Batch], Coroutine[Any, Any, None]]


class Buffer:
    """Holds each batch until the task that works on it ends, or the batch is dropped."""

    def __init__(self) -> None:
        self._collecting: Batch | None = None
        self._landing: dict[asyncio.Task[None], Batch] = {}
        self._quarantined: dict[asyncio.Task[None], Batch] = {}
        self._changed = asyncio.Event()

    def add(self, messages: Sequence[Message], received_s: float, until_s: float) -> None:
        """Puts a pull into the batch that collects; its leases end at `until_s`."""
        if self._collecting is None:
            self._collecting = Batch(opened_s=received_s)
        self._collecting.add(messages, received_s, until_s)
        self.notify()

    def land(self, work: Work) -> None:
        """Closes the batch that collects, and starts the work that lands it."""
        if self._collecting is not None:
            batch, self._collecting = self._collecting, None
            self._start(self._landing, batch, work)

    def quarantine(self, batch: Batch, work: Work) -> None:
        """Holds messages that are not to be landed while the work on them lasts."""
        self._start(self._quarantined, batch, work)

    async def drop(self, batch: Batch) -> None:
        """Ends all work on the batch, and forgets it."""
        await cancel([task for task, held in [*self._landing.items(), *self._quarantined.items()] if held is batch])
        if self._collecting is batch:
            self._collecting = None
        self.notify()

    @property
    def collecting(self) -> Batch | None:
        return self._collecting

    @property
    def batches_landing(self) -> int:
        return len(self._landing)

    @property
    def has_quarantined(self) -> bool:
        return bool(self._quarantined)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that work on a batch."""
        return [*self._landing, *self._quarantined]

    @property
    def batches(self) -> list[Batch]:
        """All that is held."""
        collecting = [] if self._collecting is None else [self._collecting]
        return [*self._landing.values(), *self._quarantined.values(), *collecting]

    def has_room(self, max_rows: int, max_bytes: int) -> bool:
        """Whether what is held is below both limits."""
        held = self.batches
        return sum(each.row_count for each in held) < max_rows and sum(each.byte_count for each in held) < max_bytes

    def notify(self) -> None:
        """Wakes whoever waits for a change."""
        self._changed.set()

    async def wait_for_change(self, timeout_s: float | None = None) -> None:
        """Returns after the next `notify`, at the latest after `timeout_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def wait_until_landed(self) -> None:
        """Returns when no batch is landing any more."""
        while self._landing:
            await asyncio.wait(self._landing)

    def _start(self, tasks: dict[asyncio.Task[None], Batch], batch: Batch, work: Work) -> None:
        task = asyncio.create_task(work(batch))
        tasks[task] = batch
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._landing.pop(task, None)
        self._quarantined.pop(task, None)
        self.notify()
        if not task.cancelled() and task.exception() is not None:
            log.error("a batch task ended; its messages come again", exc_info=task.exception())
