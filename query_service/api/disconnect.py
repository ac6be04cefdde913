"""Stops the work for a caller that has closed its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from fastapi import Request

from query_service.errors import caller_gone_error

_LOOK_S: Final = 0.005  # looking costs a task and two turns of the loop: not for what is answered from memory

T = TypeVar("T")


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; cancels it when the caller leaves first."""
    task = asyncio.current_task()
    assert task is not None
    cancelling = task.cancelling()
    watch = _Watch(request, task)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.has_cancelled and task.uncancel() <= cancelling:  # nobody else has asked for it
            raise caller_gone_error() from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels `task` when the caller of `request` leaves, until `end`."""

    def __init__(self, request: Request, task: asyncio.Task[Any]) -> None:
        self.has_cancelled = False
        self._request = request
        self._task = task
        self._is_over = False
        self._leaving: asyncio.Task[None] | None = None
        self._beginning = asyncio.get_running_loop().call_later(_LOOK_S, self._begin)

    def end(self) -> None:
        self._is_over = True
        self._beginning.cancel()
        if self._leaving is not None:
            self._leaving.cancel()

    def _begin(self) -> None:
        self._leaving = asyncio.create_task(_disconnected(self._request))
        self._leaving.add_done_callback(self._left)

    def _left(self, leaving: asyncio.Task[None]) -> None:
        if not self._is_over and not leaving.cancelled():  # it may have ended in this very turn of the loop
            self.has_cancelled = True
            self._task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
