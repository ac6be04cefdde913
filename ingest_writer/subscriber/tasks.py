"""How the writer's parts use its event loop: tasks, and something else for what would block it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a blocking function without blocking the loop."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


async def cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancels the tasks, and returns when all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def raise_failed(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Raises what the first task that failed has raised."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
