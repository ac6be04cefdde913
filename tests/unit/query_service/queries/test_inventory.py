"""Counts of the whole bucket: sampled in the background, shared, and left out while they are not known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from lakehouse.errors import StoreUnavailableError
from query_service.queries import inventory
from query_service.queries.inventory import Inventory, InventorySampler
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import T0, LakeBuilder, event
from tests._support.lakes.stores import Gate, WatchedStore

UNKNOWN = {"files": None, "rows": None, "bytes": None}


class _Listings:
    """Counts the listings of the whole bucket, and does something in each."""

    def __init__(self, store: WatchedStore, act: Any = lambda _: None) -> None:
        self.count = 0
        self.act = act
        store.on_list = self._on_list

    def _on_list(self, prefix: str) -> None:
        if prefix == "":
            self.count += 1
            self.act(prefix)


@contextmanager
def _slow_bucket(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[tuple[Api, Gate, _Listings]]:
    """An API whose listings of the whole bucket last until the gate is opened."""
    monkeypatch.setattr(inventory, "_PATIENCE_S", 0.0)
    lake = LakeBuilder(WatchedStore())
    lake.land(event())
    lake.reject(3)
    gate = Gate()
    assert isinstance(lake.store, WatchedStore)
    listings = _Listings(lake.store, gate)
    with serving(lake.store, **settings) as api:
        try:
            yield api, gate, listings
        finally:
            gate.open()


def test_no_request_waits_for_a_slow_listing_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    with _slow_bucket(monkeypatch, inventory_max_age_s=300.0, query_timeout_s=5.0) as (api, gate, listings):

        async def many() -> list[Any]:
            return await asyncio.gather(*(api.client.get("/v1/lake") for _ in range(20)))

        for response in api.run(many()):
            found = response.json()
            assert (response.status_code, found["flights"]) == (200, 1)
            assert (found["rejected"], found["foreign"]) == (UNKNOWN, None)
        gate.wait_until_reached()
        gate.open()
        monkeypatch.setattr(inventory, "_PATIENCE_S", 20.0)
        found = api.json("/v1/lake")
        assert (found["rejected"]["files"], found["rejected"]["rows"], found["foreign"]) == (1, 3, 0)
        assert listings.count == 1


def test_a_bucket_that_cannot_be_listed_leaves_its_counts_unknown() -> None:
    lake = LakeBuilder(WatchedStore())
    lake.land(event())
    assert isinstance(lake.store, WatchedStore)

    def fail(_: str) -> None:
        raise StoreUnavailableError("down")

    listings = _Listings(lake.store, fail)
    with serving(lake.store) as api:
        found = api.json("/v1/lake")
        assert (found["flights"], found["rejected"], found["foreign"]) == (1, UNKNOWN, None)
        listings.act = lambda _: None
        assert api.json("/v1/lake")["foreign"] == 0


def test_an_unexpected_error_of_a_listing_is_not_repeated_by_each_request() -> None:
    now = T0
    store = WatchedStore()

    def fail(_: str) -> None:
        raise RuntimeError("nobody thought of this")

    listings = _Listings(store, fail)

    async def ask() -> None:
        nonlocal now
        sampler = InventorySampler(store, lambda: now, 300)
        for _ in range(5):
            assert await sampler.latest() == Inventory()
        assert listings.count == 1
        now += timedelta(seconds=11)
        listings.act = lambda _: None
        assert await sampler.latest() == Inventory(0, 0, 0, (), 0)
        sampler.close()

    asyncio.run(ask())
    assert listings.count == 2


def test_a_sample_is_as_old_as_its_end_and_no_older_than_allowed() -> None:
    now = T0

    def lasts_an_hour(_: str) -> None:
        nonlocal now
        now += timedelta(hours=1)

    store = WatchedStore()
    listings = _Listings(store, lasts_an_hour)

    async def ages() -> list[tuple[Inventory, int]]:
        nonlocal now
        sampler = InventorySampler(store, lambda: now, 60)
        seen = []
        for seconds in (0, 30, 29, 2, 61):  # of these, the fourth finds it past half of its age
            now += timedelta(seconds=seconds)
            seen.append((await sampler.latest(), listings.count))
            if sampler._sampling is not None:
                await sampler._sampling
        sampler.close()
        return seen

    known = Inventory(0, 0, 0, (), 0)
    seen = asyncio.run(ages())
    assert [found for found, _ in seen] == [known] * 5
    assert listings.count == 3


def test_a_clock_that_is_set_back_makes_a_sample_unusable() -> None:
    now = T0
    store = WatchedStore()
    listings = _Listings(store)

    async def work() -> None:
        nonlocal now
        sampler = InventorySampler(store, lambda: now, 60)
        await sampler.latest()
        now -= timedelta(hours=1)
        assert await sampler.latest() == Inventory(0, 0, 0, (), 0)
        sampler.close()

    asyncio.run(work())
    assert listings.count == 2
