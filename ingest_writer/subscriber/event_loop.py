"""How the writer's parts use its event loop: tasks, pauses between tries, blocking calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a blocking function without blocking the loop."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


class Backoff:
    """Exponential from 0.1 s up to a limit, with full jitter: many writers do not retry in step."""

    def __init__(self, rng: random.Random, max_s: float) -> None:
        self._rng = rng
        self._max_s = max_s

    def pause_s(self, failures: int) -> float:
        """After that many failures in a row."""
        return self._rng.uniform(0.05, min(self._max_s, 0.1 * 2 ** min(failures, 20)))

    async def pause(self, failures: int) -> None:
        """Sleeps for `pause_s`."""
        await asyncio.sleep(self.pause_s(failures))


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancels the tasks, and returns when all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def raise_failed(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Raises the exception of the first task that failed."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
