"""Slots: never more than there are, none is lost, and work near its end has priority."""

from __future__ import annotations

import asyncio
import random

import pytest

from query_service.engine.database import PrioritySemaphore

SEEDS = range(20)


async def until_idle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_work_near_its_end_gets_a_slot_first_and_both_kinds_in_their_order() -> None:
    async def work() -> list[str]:
        semaphore, order = PrioritySemaphore(1), list[str]()

        async def one(name: str, is_finishing: bool) -> None:
            await semaphore.acquire(is_finishing)
            order.append(name)
            semaphore.release()

        await semaphore.acquire(is_finishing=False)
        names = ("begins 1", "finishes 1", "begins 2", "finishes 2")
        tasks = [asyncio.create_task(one(name, name.startswith("finishes"))) for name in names]
        await until_idle()
        assert order == []
        semaphore.release()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(work()) == ["finishes 1", "finishes 2", "begins 1", "begins 2"]


@pytest.mark.parametrize("acquired_before_it_left", [False, True])
def test_the_slot_of_a_waiter_that_is_cancelled_goes_to_the_next_one(acquired_before_it_left: bool) -> None:
    async def work() -> None:
        semaphore = PrioritySemaphore(1)
        await semaphore.acquire(is_finishing=False)
        leaving, staying = (asyncio.create_task(semaphore.acquire(is_finishing=False)) for _ in range(2))
        await until_idle()
        if acquired_before_it_left:
            semaphore.release()
        leaving.cancel()
        await until_idle()
        if not acquired_before_it_left:
            semaphore.release()
        async with asyncio.timeout(5):
            await staying
        assert leaving.cancelled()

    asyncio.run(work())


@pytest.mark.parametrize("seed", SEEDS)
def test_there_are_never_more_at_once_and_in_the_end_all_are_free(seed: int) -> None:
    chance = random.Random(seed)

    async def work() -> None:
        semaphore, running, most = PrioritySemaphore(3), 0, 0

        async def one() -> None:
            nonlocal running, most
            await semaphore.acquire(chance.random() < 0.5)
            running += 1
            most = max(most, running)
            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                running -= 1
                semaphore.release()

        tasks = []
        for _ in range(200):
            tasks.append(asyncio.create_task(one()))
            if chance.random() < 0.3:
                chance.choice(tasks).cancel()
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (running, most) == (0, 3)
        async with asyncio.timeout(5):
            for _ in range(3):
                await semaphore.acquire(is_finishing=False)

    asyncio.run(work())
