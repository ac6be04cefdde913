"""The plan cache: fresh by wall clock, one refresh for all, and no listing that nobody asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from lakehouse.errors import StoreUnavailableError
from lakehouse.table.planner import Planner
from query_service.engine.plan_cache import PlanCache
from query_service.errors import ProblemError
from tests._support.lakes.stores import Gate, WatchedStore

T = TypeVar("T")


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def following(work: Callable[[PlanCache, WatchedStore, Clock], Coroutine[Any, Any, T]], timeout_s: float = 20.0) -> T:
    """Runs `work` with a plan cache whose limit is one second and whose patience is ten."""

    async def run() -> T:
        store, clock = WatchedStore(), Clock()
        planner = Planner(store, clock)
        with closing(PlanCache(planner, clock, max_age_s=1.0, timeout_s=timeout_s, patience_s=10.0)) as plan_cache:
            return await work(plan_cache, store, clock)

    return asyncio.run(run())


def test_lists_nothing_until_somebody_asks() -> None:
    async def work(_: PlanCache, store: WatchedStore, clock: Clock) -> int:
        clock.move(3600)
        return store.landing_listings

    assert following(work) == 0


def test_an_unexpected_error_of_a_listing_is_not_repeated_by_each_request() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> list[int]:
        def fail(_: str) -> None:
            raise RuntimeError("nobody thought of this")

        store.on_list = fail
        seen = []
        for seconds in (0.0, 0.5, 0.4, 0.2):
            clock.move(seconds)
            with pytest.raises(RuntimeError):
                await plan_cache.plan()
            seen.append(store.landing_listings)
        return seen

    assert following(work) == [1, 1, 1, 2]


def test_a_plan_is_used_until_it_is_older_than_the_limit() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> list[int]:
        seen = []
        for seconds in (0.0, 0.5, 0.5, 0.001, 1.0, 3600.0):
            clock.move(seconds)
            await plan_cache.plan()
            seen.append(store.landing_listings)
        return seen

    assert following(work) == [1, 1, 1, 2, 2, 3]


def test_requests_at_the_same_time_share_one_listing() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, _: Clock) -> tuple[int, int]:
        plans = await asyncio.gather(*(plan_cache.plan() for _ in range(50)))
        return store.landing_listings, len({id(plan) for plan in plans})

    assert following(work) == (1, 1)


def test_who_leaves_does_not_end_the_refresh_of_the_others() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, _: Clock) -> int:
        store.on_list = gate = Gate()
        leaving, staying = asyncio.create_task(plan_cache.plan()), asyncio.create_task(plan_cache.plan())
        await asyncio.to_thread(gate.wait_until_reached)
        leaving.cancel()
        gate.open()
        await staying
        return store.landing_listings

    assert following(work) == 1


def test_a_process_that_was_frozen_while_it_listed_lists_again() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> timedelta:
        def freeze(_: str) -> None:
            if store.landing_listings == 1:
                clock.move(7200)

        store.on_list = freeze
        plan = await plan_cache.plan()
        return clock() - plan.listed_at

    assert following(work) == timedelta(0)


def test_a_listing_that_takes_longer_than_the_limit_is_used_by_who_asked_before_it() -> None:
    """Otherwise a slow store would never give an answer. Who asks next lists again."""

    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> tuple[int, int]:
        store.on_list = lambda _: clock.move(1.5)  # landing, then snapshots: three seconds
        await plan_cache.plan()
        first = store.landing_listings
        await plan_cache.plan()
        return first, store.landing_listings

    assert following(work) == (1, 2)


def test_a_clock_that_was_set_back_makes_the_plan_old() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> tuple[int, timedelta]:
        await plan_cache.plan()
        clock.move(-3600)
        plan = await plan_cache.plan()
        return store.landing_listings, clock() - plan.listed_at

    assert following(work) == (2, timedelta(0))


def test_a_failure_is_shared_for_one_plan_age_and_then_tried_again() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> list[int]:
        def fail(_: str) -> None:
            raise StoreUnavailableError("down")

        await plan_cache.plan()
        clock.move(2)
        store.on_list = fail
        seen = []
        for seconds in (0.0, 0.5, 0.5, 0.9):
            clock.move(seconds)
            with pytest.raises(StoreUnavailableError):
                await plan_cache.plan()
            seen.append(store.landing_listings)
        assert not plan_cache.planned_within(timedelta(hours=1))
        store.on_list = lambda _: None
        clock.move(1)
        await plan_cache.plan()
        assert plan_cache.planned_within(timedelta(0))
        return seen

    assert following(work) == [2, 2, 3, 3]


def test_a_listing_that_hangs_ends_the_request_and_not_the_listing() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, _: Clock) -> int:
        store.on_list = gate = Gate()
        with pytest.raises(ProblemError) as raised:
            await plan_cache.plan()
        gate.open()
        await plan_cache.plan()
        assert raised.value.problem.status == 503
        return store.landing_listings

    assert following(work, timeout_s=0.05) == 1


def test_refresh_gives_a_plan_from_that_moment_on() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> list[int]:
        seen = []
        await plan_cache.plan()
        for seconds in (0.0, 0.1):
            clock.move(seconds)
            plan = await plan_cache.refresh(clock())
            assert plan.listed_at >= clock()
            seen.append(store.landing_listings)
        return seen

    assert following(work) == [1, 2]


def test_refresh_does_not_join_a_listing_that_began_too_early() -> None:
    async def work(plan_cache: PlanCache, store: WatchedStore, clock: Clock) -> int:
        store.on_list = gate = Gate()
        early = asyncio.create_task(plan_cache.plan())
        await asyncio.to_thread(gate.wait_until_reached)
        clock.move(0.1)
        late = asyncio.create_task(plan_cache.refresh(clock()))
        await asyncio.sleep(0)
        gate.open()
        await early
        assert (await late).listed_at == clock()
        return store.landing_listings

    assert following(work) == 2
