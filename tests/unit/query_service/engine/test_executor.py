"""How questions wait for the files that they need: without threads, for one download, and not in each other's way."""

from __future__ import annotations

import asyncio
import threading

from lakehouse.store.memory import MemoryStore
from tests._support.api import Api, serving
from tests._support.lake_builder import LakeBuilder, event
from tests._support.observed_store import Gate, WatchedStore

URL = "/v1/stats"


def held(gate: Gate) -> MemoryStore:
    """A lake of one file, whose download waits for the gate."""
    store = WatchedStore()
    LakeBuilder(store).land(event())
    store.on_download = gate
    return store


async def asking(api: Api, count: int) -> list[asyncio.Task[int]]:
    """So many requests, when all of them wait for the download."""

    async def status() -> int:
        return (await api.client.get(URL)).status_code

    tasks = [asyncio.create_task(status()) for _ in range(count)]
    async with asyncio.timeout(20):
        while await metric(api, "file_cache_hits_total") < count - 1:
            pass
    return tasks


async def metric(api: Api, name: str) -> float:
    await asyncio.sleep(0)  # others get their turn: the page itself takes none
    lines = (await api.client.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"flights_api_{name} "))


def test_few_threads_wait_when_100_requests_need_one_download() -> None:
    gate = Gate()
    with serving(held(gate), queue_limit=200, plan_max_age_s=60.0) as api:

        async def ask() -> tuple[int, list[int], float]:
            before = threading.active_count()
            tasks = await asking(api, 100)
            threads = threading.active_count() - before
            gate.open()
            return threads, await asyncio.gather(*tasks), await metric(api, "file_cache_downloads_total")

        threads, statuses, downloads = api.run(ask())
    assert threads <= 5  # one lists, one downloads
    assert statuses == [200] * 100
    assert downloads == 1


def test_others_get_the_file_when_the_first_to_ask_leaves() -> None:
    gate = Gate()
    with serving(held(gate), plan_max_age_s=60.0) as api:

        async def ask() -> tuple[list[int], float]:
            tasks = await asking(api, 3)
            tasks[0].cancel()
            await asyncio.wait([tasks[0]])
            gate.open()
            return await asyncio.gather(*tasks), await metric(api, "file_cache_downloads_total")

        (left, *others), downloads = api.run(ask())
    assert left == 503  # told, if there is anybody to tell
    assert others == [200, 200]
    assert downloads == 1


def test_nothing_stays_pinned_when_all_who_asked_have_left() -> None:
    gate = Gate()
    with serving(held(gate), plan_max_age_s=60.0) as api:

        async def leave() -> None:
            tasks = await asking(api, 2)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

        api.run(leave())
        entries = api.app.state.services.executor._cache._entries
        assert [entries.peek(name).pins for name in entries] == [0]
        gate.open()
        assert api.get(URL).status_code == 200
