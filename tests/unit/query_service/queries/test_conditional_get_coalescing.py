"""What several ask for at once is computed once, and nobody loses by that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from query_service.errors import ProblemError
from query_service.queries.conditional_get import RequestCoalescer

LONG_S = 30.0


class Work:
    """A computation that ends when it may, and counts its beginnings and cancellations."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.may_end = asyncio.Event()
        self.first_fails: asyncio.Event | None = None
        self._begins = asyncio.Condition()

    async def has_begun(self, times: int) -> None:
        async with self._begins:
            await self._begins.wait_for(lambda: self.begun >= times)

    async def __call__(self) -> int:
        async with self._begins:
            self.begun += 1
            number = self.begun
            self._begins.notify_all()
        try:
            awaited = self.first_fails if number == 1 and self.first_fails else self.may_end
            await awaited.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.first_fails and number == 1:
            raise ValueError("the first fails")
        return number


def run(scene: Callable[[RequestCoalescer[int], Work], Awaitable[None]], timeout_s: float = LONG_S) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LONG_S):
            await scene(RequestCoalescer(timeout_s), Work())

    asyncio.run(bounded())


async def all_asking(coalescer: RequestCoalescer[int], work: Work, count: int = 3) -> list[asyncio.Task[int]]:
    asking = [asyncio.create_task(coalescer.get("a", work)) for _ in range(count)]
    await work.has_begun(1)
    return asking


def test_the_same_is_computed_once_and_then_anew() -> None:
    async def scene(coalescer: RequestCoalescer[int], work: Work) -> None:
        asking = await all_asking(coalescer, work)
        work.may_end.set()
        assert await asyncio.gather(*asking) == [1, 1, 1]
        assert await coalescer.get("a", work) == 2

    run(scene)


def test_others_are_computed_in_parallel() -> None:
    async def scene(coalescer: RequestCoalescer[int], work: Work) -> None:
        await all_asking(coalescer, work)
        work.may_end.set()
        assert await coalescer.get("b", work) == 2

    run(scene)


def test_it_goes_on_when_the_first_leaves_and_ends_with_the_last() -> None:
    async def scene(coalescer: RequestCoalescer[int], work: Work) -> None:
        first, second, third = await all_asking(coalescer, work)
        for leaving in (first, second):
            leaving.cancel()
            await asyncio.wait([leaving])
            assert (work.begun, work.cancelled) == (1, 0)
        third.cancel()
        await asyncio.wait([third])
        new = asyncio.create_task(coalescer.get("a", work))
        await work.has_begun(2)
        assert work.cancelled == 1
        work.may_end.set()
        assert await new == 2

    run(scene)


def test_when_it_fails_the_others_compute_at_the_same_time() -> None:
    async def scene(coalescer: RequestCoalescer[int], work: Work) -> None:
        work.first_fails = asyncio.Event()
        first, *others = await all_asking(coalescer, work)
        work.first_fails.set()
        with pytest.raises(ValueError, match="the first fails"):
            await first
        await work.has_begun(3)
        work.may_end.set()
        assert sorted(await asyncio.gather(*others)) == [2, 3]

    run(scene)


def test_it_takes_no_longer_than_a_question_may() -> None:
    async def scene(coalescer: RequestCoalescer[int], work: Work) -> None:
        with pytest.raises(ProblemError, match=r"took longer|0\.01"):
            await coalescer.get("a", work)
        assert work.cancelled == 1

    run(scene, timeout_s=0.01)
