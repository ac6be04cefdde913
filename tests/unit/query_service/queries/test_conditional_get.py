"""Making an answer of rows: within the time of its question, in the place of a query, before queries that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from httpx import Response

from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from query_service.observer import Observer
from query_service.queries import conditional_get
from query_service.queries.conditional_get import Result
from query_service.representation.encoders import Rows
from query_service.representation.etag import ResponsePreferences
from tests._support.api.in_process import Api, serving
from tests._support.api.problems import problem
from tests._support.api.slow_readers import LARGE, SOON_S, lake_of_many
from tests._support.lakes.builder import LakeBuilder, event

BY_CARRIER = "/v1/stats?group_by=carrier"


class Making:
    """Stands where answers are made, and holds up the large ones until it is opened."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.count = 0
        self._whole = conditional_get._whole

    def __call__(self, rows: Rows, wanted: ResponsePreferences) -> Result:
        if rows.table.num_rows > 50:
            self.count += 1
            self.begun.set()
            assert self.may_end.wait(SOON_S)
        return self._whole(rows, wanted)

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, SOON_S)


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Iterator[Making]:
    making = Making()
    monkeypatch.setattr(conditional_get, "_whole", making)
    yield making
    making.may_end.set()  # whatever happened: no thread is left


@contextmanager
def one_core(timeout_s: float, result_cache_mb: int = 32) -> Iterator[Api]:
    store = lake_of_many(MemoryStore()).store
    with serving(store, max_concurrent_queries=1, query_timeout_s=timeout_s, result_cache_mb=result_cache_mb) as api:
        assert len(api.rows("/v1/stats")) == 1  # files are here
        yield api


def test_an_answer_that_is_not_made_in_time_is_a_504(making: Making) -> None:
    with one_core(0.5) as api:
        answer = api.get(f"{LARGE}1100")
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (504, "deadline")
        making.may_end.set()
        assert len(api.rows(f"{LARGE}1100")) == 1100


def test_an_answer_is_made_in_the_place_of_a_query(making: Making) -> None:
    with one_core(SOON_S) as api:

        async def work() -> None:
            large = asyncio.create_task(api.client.get(f"{LARGE}1100"))
            await making.has_begun()
            other = asyncio.create_task(api.client.get(BY_CARRIER))
            for _ in range(SOON_S * 100):
                if "flights_api_queries_waiting 1.0" in (await api.client.get("/metrics")).text:
                    break
                await asyncio.sleep(0.01)
            else:
                pytest.fail("nobody waits")
            assert not other.done()
            making.may_end.set()
            assert [(await answer).status_code for answer in (large, other)] == [200, 200]

        api.run(work())


async def _two_ask_the_same(api: Api, making: Making) -> list[asyncio.Task[Response]]:
    """The first of them is being answered, the other is there."""
    asked = []
    for number in (1, 2):
        before = await _admitted(api)
        asked.append(asyncio.create_task(api.client.get(f"{LARGE}1100")))
        await making.has_begun()
        for _ in range(SOON_S * 100):
            if await _admitted(api) > before:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail(f"question {number} is not taken")
    return asked


async def _admitted(api: Api) -> float:
    lines = (await api.client.get("/metrics")).text.splitlines()
    name = "flights_api_questions_admitted_total "
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def test_those_who_ask_the_same_at_once_get_one_answer(making: Making) -> None:
    with one_core(SOON_S) as api:

        async def work() -> None:
            asked = await _two_ask_the_same(api, making)
            making.may_end.set()
            first, other = [await answer for answer in asked]
            assert (first.status_code, first.content) == (200, other.content)

        api.run(work())
    assert making.count == 1


def test_who_waits_for_the_answer_of_somebody_who_leaves_is_answered(making: Making) -> None:
    with one_core(SOON_S) as api:

        async def work() -> None:
            first, other = await _two_ask_the_same(api, making)
            first.cancel()
            making.may_end.set()
            assert (await other).status_code == 200

        api.run(work())


def test_where_no_answer_is_kept_each_question_is_a_query(making: Making) -> None:
    with one_core(SOON_S, result_cache_mb=0) as api:

        async def work() -> None:
            asked = await _two_ask_the_same(api, making)
            making.may_end.set()
            assert [(await answer).status_code for answer in asked] == [200, 200]

        api.run(work())
    assert making.count == 2


def test_what_has_rows_in_memory_goes_before_queries_that_wait(tmp_path: Path) -> None:
    order: list[str] = []
    may_end = threading.Event()

    async def work(database: Database) -> None:
        def first() -> None:
            assert may_end.wait(SOON_S)

        async def query() -> None:
            await database.fetch(Query("SELECT 1"), lambda: order.append("query"))

        running = asyncio.create_task(database.finish(first, lambda: None))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(query()) for _ in range(2)]
        await asyncio.sleep(0)
        finishing = asyncio.create_task(database.finish(lambda: None, lambda: order.append("finish")))
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(running, finishing, *waiting)

    async def run() -> None:
        database = Database(tmp_path, 64, 1, Observer())
        try:
            async with asyncio.timeout(SOON_S):
                await work(database)
        finally:
            may_end.set()
            database.close()

    asyncio.run(run())
    assert order == ["finish", "query", "query"]


@pytest.mark.parametrize("below", ["", "/events"])
@pytest.mark.parametrize("condition", [{"If-None-Match": "*"}, {"If-Match": "*"}, {"If-Match": '"other"'}])
def test_no_condition_holds_for_a_flight_that_is_not_there(below: str, condition: dict[str, str]) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store) as api:
        known = api.get(f"/v1/flights/2013-01-01-UA-1545-EWR{below}")
        for number in (1, 1):  # the first time asked, and again
            problem(api.get(f"/v1/flights/2013-01-01-UA-{number}-EWR{below}", **condition), 404, "flight")
        assert api.get(f"/v1/flights/2013-01-01-UA-1545-EWR{below}", **{"If-None-Match": "*"}).status_code == 304
        assert api.get(f"/v1/flights/2013-01-01-UA-1545-EWR{below}", **{"If-Match": '"other"'}).status_code == 412
        matching = {"If-None-Match": known.headers["ETag"]}
        assert api.get(f"/v1/flights/2013-01-01-UA-1545-EWR{below}", **matching).status_code == 304
