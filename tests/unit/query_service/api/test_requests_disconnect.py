"""Work for a caller who may leave at any time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import Request

from query_service.api.requests import cancel_on_disconnect
from query_service.errors import ProblemError

_BUSY_S = 0.02  # longer than it takes until somebody looks


def request(receive: Callable[[], Awaitable[Any]]) -> Request:
    return Request({"type": "http"}, receive)


async def leaves() -> Any:
    return {"type": "http.disconnect"}


async def stays() -> Any:
    await asyncio.get_running_loop().create_future()


async def work(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def _is_cancelled_no_more() -> bool:
    """Whether the caller's task can go on: nothing that was cancelled comes late."""
    task = asyncio.current_task()
    assert task is not None
    for _ in range(5):
        await asyncio.sleep(0)
    return task.cancelling() == 0


def test_what_is_answered_at_once_is_not_watched() -> None:
    async def never() -> Any:
        raise AssertionError("nobody looks")

    async def ask() -> None:
        assert await cancel_on_disconnect(request(never), work(0)) == "done"
        await asyncio.sleep(_BUSY_S)

    asyncio.run(ask())


def test_work_of_a_caller_who_stays_is_done() -> None:
    async def ask() -> None:
        assert await cancel_on_disconnect(request(stays), work(_BUSY_S)) == "done"
        assert await _is_cancelled_no_more()

    asyncio.run(ask())


def test_work_of_a_caller_who_leaves_is_cancelled() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def ask() -> None:
        with pytest.raises(ProblemError):
            await cancel_on_disconnect(request(leaves), long())
        assert await _is_cancelled_no_more()

    asyncio.run(ask())
    assert ended == ["cancelled"]


@pytest.mark.parametrize("turns", range(6))
def test_a_caller_who_leaves_as_the_work_ends_cancels_nothing_afterwards(turns: int) -> None:
    """The work ends so many turns of the loop later."""

    async def ask() -> None:
        is_time = asyncio.Event()

        async def leaving() -> Any:
            await asyncio.sleep(0)
            is_time.set()
            return {"type": "http.disconnect"}

        async def ending() -> str:
            await is_time.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            return "done"

        with contextlib.suppress(ProblemError):
            assert await cancel_on_disconnect(request(leaving), ending()) == "done"
        assert await _is_cancelled_no_more()

    asyncio.run(ask())


def test_a_cancel_of_somebody_else_stays_one_though_the_caller_leaves_too() -> None:
    async def ask() -> None:
        reached = asyncio.Event()

        async def stubborn() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                reached.set()
                await asyncio.sleep(0)

        asking = asyncio.create_task(cancel_on_disconnect(request(leaves), stubborn()))
        await reached.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(ask())
