"""Answers that are kept in memory: a hit runs no query, says the same, and the room is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.middleware.send_timeout import with_transport
from query_service.queries.conditional_get import BodyHeaders, Result, ResultCache
from tests._support.api.in_process import Api, serving
from tests._support.api.query_counter import Counter
from tests._support.api.readers import FORMATS
from tests._support.api.slow_readers import SOON_S, Reader, scope
from tests._support.lakes.builder import LakeBuilder, event

HEADERS = BodyHeaders(None, truncated=False, next_cursor=None)


def lake_of_many() -> LakeBuilder:
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(origin=f"{n:04}", departure_delay_minutes=n) for n in range(1100)))
    lake.merge()
    return lake


@pytest.fixture(scope="module")
def many() -> MemoryStore:
    """Only read."""
    store = lake_of_many().store
    assert isinstance(store, MemoryStore)
    return store


@pytest.fixture
def api(queries: Counter, many: MemoryStore) -> Iterator[Api]:
    with serving(many) as serving_api:
        yield serving_api


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("path", ["/v1/stats?limit=1", "/v1/stats?group_by=origin&limit=10000", "/v1/flights?limit=3"])
def test_the_same_question_again_runs_no_query_and_says_the_same(
    api: Api, queries: Counter, path: str, name: str, accept_encoding: str
) -> None:
    url = f"{path}&format={name}"
    first, body = api.raw(url, accept_encoding=accept_encoding)
    asked = queries.count
    again, again_body = api.raw(url, accept_encoding=accept_encoding)
    assert asked > 0
    assert queries.count == asked
    assert again_body == body
    changing = {"lake-as-of", "x-request-id"}
    assert {n: v for n, v in again.headers.items() if n not in changing} == {
        n: v for n, v in first.headers.items() if n not in changing
    }
    assert int(again.headers["Content-Length"]) == len(body)


def test_other_ways_to_ask_the_same_are_hits_with_their_own_link(api: Api, queries: Counter) -> None:
    api.get("/v1/flights?origin=0001&origin=0002&limit=1")
    asked = queries.count
    again = api.get("/v1/flights?limit=1&origin=0002&origin=0001&format=json")
    assert queries.count == asked
    assert again.links["next"]["url"].startswith("/v1/flights?limit=1&origin=0002&origin=0001&format=json&cursor=")


def test_a_hit_says_which_lake_it_is_about_now(queries: Counter) -> None:
    clock = datetime(2026, 11, 24, tzinfo=UTC)
    lake = lake_of_many()
    url = "/v1/stats?date_to=2013-01-31"
    with serving(lake.store, lambda: clock) as api:
        first = api.get(url)
        asked = queries.count
        lake.land(event(flight_date=date(2013, 2, 1)))
        lake.merge()
        clock += timedelta(hours=1)
        again = api.get(url)
    assert queries.count == asked
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (first.headers["Lake-Snapshot"], again.headers["Lake-Snapshot"]) == ("1", "2")
    assert again.headers["Lake-As-Of"] == "2026-11-24T01:00:00Z"


def test_an_answer_that_changed_is_no_hit(queries: Counter) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 1
        lake.land(event(flight_number=2))
        assert api.rows("/v1/stats")[0]["flights"] == 2
    assert queries.count == 2


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/stats?group_by=origin&limit=10000"])
def test_nothing_is_kept_without_room(queries: Counter, path: str) -> None:
    with serving(lake_of_many().store, result_cache_mb=0) as api:
        bodies = {api.get(path).content for _ in range(3)}
    assert queries.count == 3
    assert len(bodies) == 1


def test_an_answer_that_nobody_read_to_its_end_is_kept_whole(queries: Counter) -> None:
    lake = lake_of_many()
    url = "/v1/stats?group_by=origin&limit=10000"
    with serving(lake.store, send_timeout_s=0.05) as api:

        async def leave() -> None:
            reader = Reader()
            async with asyncio.timeout(SOON_S):
                await api.app(with_transport(scope(url), reader.transport()), reader.receive, reader.send)
            assert reader.is_cut

        api.run(leave())
        asked = queries.count
        whole = api.get(url, **{"Accept-Encoding": "identity"})
    assert queries.count == asked
    assert len(whole.json()["data"]) == 1100


def test_the_least_used_goes_first_and_the_room_is_never_exceeded() -> None:
    results = ResultCache(100_000)
    for number in range(200):
        results.put(f"{number}", Result(b"x" * 4000, HEADERS))
        assert results.get("0") is not None  # used all the time
        assert results.stats.bytes <= 100_000
    assert results.get("1") is None
    assert results.get("199") is not None
    assert results.stats.bytes == 100_000


def test_small_answers_are_bounded_too() -> None:
    results = ResultCache(100_000)
    for number in range(1000):
        results.put(f"{number}", Result(b"", HEADERS))
    assert sum(results.get(f"{number}") is not None for number in range(1000)) == 100


def test_an_answer_larger_than_its_share_is_not_kept() -> None:
    results = ResultCache(100_000)
    results.put("small", Result(b"x" * 11_500, HEADERS))
    results.put("large", Result(b"x" * 11_501, HEADERS))
    assert results.get("small") is not None
    assert results.get("large") is None
    assert results.has_room_for(11_500)
    assert not results.has_room_for(11_501)


def test_who_only_looks_whether_an_answer_is_kept_neither_uses_nor_counts_it() -> None:
    results = ResultCache(100_000)
    for number in range(100):
        results.put(f"{number}", Result(b"", HEADERS))
    assert "0" in results
    assert results.peek("0") is not None
    assert "x" not in results
    results.put("more", Result(b"", HEADERS))
    assert "0" not in results
    assert (results.stats.hits, results.stats.misses) == (0, 0)


def test_the_same_answer_twice_takes_its_room_once() -> None:
    results = ResultCache(100_000)
    for _ in range(3):
        results.put("same", Result(b"x", HEADERS))
    assert results.stats.bytes == 1001
