"""Tasks of the event loop, cancelled and asked for their failure; pauses between tries."""

from __future__ import annotations

import asyncio
import random

import pytest

from ingest_writer.subscriber.event_loop import Backoff, cancel, raise_failed
from tests._support.virtual_time import run_virtually


def test_cancel_returns_when_every_task_has_ended() -> None:
    async def scenario() -> None:
        ended: list[int] = []

        async def work(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(number)  # takes long to end
                ended.append(number)

        tasks = [asyncio.create_task(work(number)) for number in (1, 2)]
        await asyncio.sleep(0)
        await cancel(tasks)
        assert ended == [1, 2]

    run_virtually(scenario())


def test_a_failed_task_is_raised_and_cancelled_or_running_ones_are_not() -> None:
    async def scenario() -> None:
        async def fail() -> None:
            raise ZeroDivisionError

        running, cancelled = (asyncio.create_task(asyncio.Event().wait()) for _ in range(2))
        failed = asyncio.create_task(fail())
        cancelled.cancel()
        await asyncio.wait([cancelled, failed])
        raise_failed([running, cancelled])
        with pytest.raises(ZeroDivisionError):
            raise_failed([running, cancelled, failed])
        await cancel([running])

    run_virtually(scenario())


@pytest.mark.parametrize(("failures", "at_most"), [(1, 0.2), (2, 0.4), (3, 0.8), (6, 5.0), (1_000_000, 5.0)])
def test_pauses_grow_up_to_the_limit_with_jitter(failures: int, at_most: float) -> None:
    backoff = Backoff(random.Random(1), max_s=5.0)
    pauses = [backoff.pause_s(failures) for _ in range(1000)]
    assert 0.05 <= min(pauses) < 0.3 * at_most + 0.05
    assert 0.9 * at_most < max(pauses) <= at_most
