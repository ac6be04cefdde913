"""Dates of the tail, merged once: the same bytes as merged for each question, in bounded room."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import google_crc32c
import pyarrow as pa
import pytest

from lakehouse import object_names
from lakehouse.bounded_lru import CacheStats
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import ObjectInfo
from lakehouse.table.planner import FileSet, LandedFile
from lakehouse.table.snapshot import MonthFile
from query_service.engine.database import LocalFiles, Query
from query_service.engine.tail_cache import TailCache
from tests._support.api.in_process import Api, serving
from tests._support.api.metrics_page import page
from tests._support.api.problems import problem
from tests._support.lakes.builder import T0, Event, LakeBuilder, event, parquet
from tests._support.lakes.rows import newest, unique
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import FORMATS, check_same_bytes, growing, random_question
from tests._support.sizes import seeds

CACHED: dict[str, Any] = {"tail_cache_min_kb": 0, "result_cache_mb": 0}
"""The tail cache takes however small a tail; and answers are computed each time."""

EACH_TIME: dict[str, Any] = {"tail_cache_mb": 0, "result_cache_mb": 0}

DAY = date(2013, 1, 1)
NEXT = date(2013, 1, 2)


@pytest.mark.parametrize("seed", seeds(3))
def test_answers_have_the_same_bytes_as_those_merged_each_time(seed: int) -> None:
    print(f"seed {seed}")
    choose = random.Random(seed)
    events = stats_oracle.random_events(choose, 300)
    lake = LakeBuilder(MemoryStore())
    with serving(lake.store, **CACHED) as cached, serving(lake.store, **EACH_TIME) as plain:
        for landed in growing(lake, events, choose):
            for _ in range(choose.randrange(4)):
                asked, filters = random_question(choose)
                asked["format"] = [choose.choice(FORMATS)]
                check_same_bytes(cached, plain, asked, filters, landed)
            path = f"/v1/flights?limit={choose.choice([1, 7, 1000])}&date_from=2013-01-3{choose.choice([0, 1])}"
            assert cached.get(path).content == plain.get(path).content, path
        assert metric(cached, "hits_total") > 0
        assert metric(plain, "misses_total") == 0


def metric(api: Api, name: str) -> float:
    return page(api).cache("tail", name)


def test_a_small_tail_is_merged_each_time() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store, tail_cache_min_kb=64) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 1
        assert metric(api, "misses_total") == 0


def test_what_would_take_more_than_half_of_the_room_is_merged_each_time() -> None:
    lake = LakeBuilder(MemoryStore())
    choose = random.Random(1)
    for _ in range(2):
        lake.land(*(event(flight_number=n, tail_number=f"{choose.random()}") for n in range(1, 9999)))
    with serving(lake.store, tail_cache_mb=1, **CACHED) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 9998
        assert metric(api, "misses_total") == 0


def test_a_tail_of_very_many_dates_is_merged_each_time() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(flight_date=DAY + timedelta(n)) for n in range(101)))
    with serving(lake.store, **CACHED) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 101
        assert metric(api, "misses_total") == 0
        assert api.rows("/v1/stats?date_from=2013-01-02")[0]["flights"] == 100
        assert metric(api, "misses_total") == 100


def test_a_landed_file_that_cannot_be_read_is_a_problem_that_names_it() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=NEXT))
    broken = lake.land_bytes(DAY, b"not Parquet")
    with serving(lake.store, **CACHED) as api:
        assert broken in problem(api.get("/v1/stats"), 503, "unreadable")["detail"]
        assert api.rows("/v1/stats?date_from=2013-01-02")[0]["flights"] == 1


def test_kept_files_that_something_outside_took_away_are_made_again(tmp_path: Path) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=NEXT))
    with serving(lake.store, cache_dir=tmp_path, **CACHED) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 2
        for path in (tmp_path / "merged_tail").rglob("*.parquet"):
            path.unlink()
        assert api.rows("/v1/stats")[0]["flights"] == 2
        shutil.rmtree(tmp_path / "merged_tail")
        lake.land(event(flight_number=1))
        assert api.rows("/v1/stats")[0]["flights"] == 3
        assert metric(api, "misses_total") == 6


def test_a_question_is_answered_when_there_is_no_disk_for_the_tail_cache(tmp_path: Path) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store, cache_dir=tmp_path, **CACHED) as api:
        (tmp_path / "merged_tail").rmdir()
        (tmp_path / "merged_tail").write_bytes(b"no folder")
        assert api.rows("/v1/stats")[0]["flights"] == 1
        assert metric(api, "bytes") == 0


def test_a_question_that_many_ask_at_once_is_merged_once() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=NEXT))
    groups = ["carrier", "origin", "destination", "flight_date", "month", "weekday", "hour", "route"]
    with serving(lake.store, **CACHED) as api:

        async def ask_all() -> list[int]:
            asked = (api.client.get(f"/v1/stats?group_by={group}") for group in groups)
            return [response.status_code for response in await asyncio.gather(*asked)]

        assert api.run(ask_all()) == [200] * len(groups)
        assert metric(api, "misses_total") == 2


class Harness:
    """Merges dates of files that it writes into a folder, with a DuckDB that says what it ran."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._files = folder / "files"
        self._files.mkdir()
        self.kept = folder / "merged_tail"
        self.tail_cache = TailCache(self.kept, max_bytes, 0)
        self.connection = duckdb.connect()
        self.ran: list[str] = []

    def landed(self, *events: Event, name: str = "") -> tuple[LandedFile, Path]:
        data = parquet(events)
        object_name = name or object_names.landed_file(events[0]["flight_date"], unique())
        path = self._files / unique()
        path.write_bytes(data)
        info = ObjectInfo(name=object_name, size=len(data), crc32c=google_crc32c.value(data), created=T0, generation=1)
        return LandedFile(info, events[0]["flight_date"]), path

    def month(self, *events: Event, name: str = "") -> tuple[MonthFile, Path]:
        rows = newest(events)
        data = parquet(rows)
        path = self._files / unique()
        path.write_bytes(data)
        days = [row["flight_date"] for row in rows]
        entry = MonthFile(
            name=name or object_names.month_file("2013-01", 0, unique()),
            added_snapshot=1,
            rows=len(rows),
            size=len(data),
            crc32c=google_crc32c.value(data),
            min_flight_date=min(days),
            max_flight_date=max(days),
            max_event_time=T0,
        )
        return entry, path

    async def fetch(self, query: Query) -> pa.Table:
        self.ran.append(query.sql)
        return self.connection.execute(query.sql).to_arrow_table()

    def rows(self, local: LocalFiles) -> list[tuple[Any, ...]]:
        """What questions would see: when, and how late."""
        sql = f"SELECT flight_date, flight_number, departure_delay_minutes FROM ({local.state()}) ORDER BY ALL"
        return self.connection.execute(sql).fetchall()

    async def ask(self, local: LocalFiles) -> list[tuple[Any, ...]]:
        async with self.tail_cache.of(local, self.fetch) as with_cached:
            assert with_cached.merged_tail is not None
            found = self.rows(with_cached)
        assert found == self.rows(local)
        return found

    @property
    def on_disk(self) -> int:
        return sum(path.stat().st_size for path in self.kept.rglob("*.parquet"))


def local(months: Sequence[tuple[MonthFile, Path]], tail: Sequence[tuple[LandedFile, Path]]) -> LocalFiles:
    files = FileSet(tuple(entry for entry, _ in months), tuple(file for file, _ in tail))
    return LocalFiles(files, tuple(path for _, path in months), tuple(path for _, path in tail))


def late(minutes: int, seconds: int = 0, **given: Any) -> Event:
    """An event of that delay, at that second."""
    return event(departure_delay_minutes=minutes, event_time=T0 + timedelta(seconds=seconds), **given)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path, 10_000_000)
    with harness.connection:
        yield harness


def test_a_new_landed_file_is_read_with_what_is_kept_and_nothing_else(harness: Harness) -> None:
    month = harness.month(late(1, 1), late(2, 2, flight_date=NEXT))
    first, second = harness.landed(late(3, 3)), harness.landed(late(4, 4, flight_date=NEXT))

    async def ask() -> None:
        assert await harness.ask(local([month], [first, second])) == [(DAY, 1545, 3), (NEXT, 1545, 4)]
        newer, older = harness.landed(late(5, 5)), harness.landed(late(6, 0))
        assert (await harness.ask(local([month], [first, second, newer, older])))[0] == (DAY, 1545, 5)
        read = harness.ran[-1]
        assert all(str(path) in read for _, path in (newer, older))
        assert not any(str(path) in read for _, path in (month, first, second))
        assert await harness.ask(local([month], [second])) == [(DAY, 1545, 1), (NEXT, 1545, 4)]

    asyncio.run(ask())
    assert len(harness.ran) == 2
    stats = harness.tail_cache.stats
    assert (stats.misses, stats.hits) == (3, 2)  # found: the date in which nothing had landed meanwhile


def test_another_month_file_merges_again(harness: Harness) -> None:
    landed = harness.landed(late(3, 3))

    async def ask() -> None:
        assert await harness.ask(local([], [landed])) == [(DAY, 1545, 3)]
        assert await harness.ask(local([harness.month(late(7, 7))], [landed])) == [(DAY, 1545, 7)]
        assert await harness.ask(local([harness.month(late(8, 1))], [landed])) == [(DAY, 1545, 3)]

    asyncio.run(ask())
    assert harness.tail_cache.stats.misses == 3


def test_a_new_landed_file_with_another_month_file_merges_again(harness: Harness) -> None:
    """Of the events of what is kept, a month file that was put in its place may know nothing."""
    landed, new = harness.landed(late(3, 3)), harness.landed(late(4, 1))

    async def ask() -> None:
        assert await harness.ask(local([harness.month(late(9, 9))], [landed])) == [(DAY, 1545, 9)]
        assert await harness.ask(local([harness.month(late(1, 0))], [landed, new])) == [(DAY, 1545, 3)]

    asyncio.run(ask())


@pytest.mark.parametrize("which", ["month", "tail"])
def test_other_bytes_under_the_same_name_merge_again(harness: Harness, which: str) -> None:
    month, landed = harness.month(late(1, 1)), harness.landed(late(3, 3))

    async def ask() -> None:
        assert await harness.ask(local([month], [landed])) == [(DAY, 1545, 3)]
        restored = (
            ([harness.month(late(9, 9), name=month[0].name)], [landed])
            if which == "month"
            else ([month], [harness.landed(late(9, 9), name=landed[0].name)])
        )
        assert await harness.ask(local(*restored)) == [(DAY, 1545, 9)]

    asyncio.run(ask())


def test_an_older_plan_sees_nothing_of_a_newer_one(harness: Harness) -> None:
    first, second = harness.landed(late(3, 3)), harness.landed(late(4, 4), late(5, 5, flight_number=1))

    async def ask() -> None:
        assert await harness.ask(local([], [first, second])) == [(DAY, 1, 5), (DAY, 1545, 4)]
        assert await harness.ask(local([], [first])) == [(DAY, 1545, 3)]

    asyncio.run(ask())


def test_landed_files_without_events_are_a_date_without_flights(harness: Harness) -> None:
    landed, path = harness.landed(late(3))
    path.write_bytes(parquet([]))

    async def ask() -> None:
        assert await harness.ask(local([], [(landed, path)])) == []
        assert await harness.ask(local([], [(landed, path)])) == []

    asyncio.run(ask())
    assert (harness.tail_cache.stats.misses, len(harness.ran)) == (1, 1)


def test_what_is_kept_takes_no_more_than_its_room_and_the_least_used_goes_first(tmp_path: Path) -> None:
    days = [DAY + timedelta(n) for n in range(6)]
    harness = Harness(tmp_path, 0)
    with harness.connection:
        tails = {day: harness.landed(late(1, flight_date=day)) for day in days}

        async def size() -> int:
            async with harness.tail_cache.of(local([], [tails[DAY]]), harness.fetch):
                return harness.on_disk

        one = asyncio.run(size())
        assert harness.on_disk == 0  # nothing fits, and it has been read
        harness.tail_cache = TailCache(harness.kept, 3 * one + one // 2, 0)

        async def ask() -> None:
            for day in [*days[:3], days[0], days[3]]:
                await harness.ask(local([], [tails[day]]))
            before = harness.tail_cache.stats.misses
            for day in (days[0], days[2], days[3]):
                await harness.ask(local([], [tails[day]]))
            assert harness.tail_cache.stats.misses == before
            await harness.ask(local([], [tails[days[1]]]))
            assert harness.tail_cache.stats.misses == before + 1

        asyncio.run(ask())
        assert 2 * one < harness.on_disk == harness.tail_cache.stats.bytes <= 3 * one + one // 2


def test_files_stay_for_as_long_as_they_are_read_and_count_until_then(harness: Harness) -> None:
    first, second = harness.landed(late(3, 3)), harness.landed(late(4, 4))

    async def ask() -> None:
        async with AsyncExitStack() as stack:
            before = await stack.enter_async_context(harness.tail_cache.of(local([], [first]), harness.fetch))
            one = harness.on_disk
            await harness.ask(local([], [first, second]))
            assert harness.rows(before) == [(DAY, 1545, 3)]
            assert harness.tail_cache.stats.bytes == harness.on_disk > one
        assert harness.tail_cache.stats.bytes == harness.on_disk < 2 * one

    asyncio.run(ask())


def test_while_twice_the_room_is_taken_nothing_is_cached(tmp_path: Path) -> None:
    harness = Harness(tmp_path, 40_000)
    with harness.connection:
        asked = [local([], [harness.landed(late(1, flight_date=DAY + timedelta(n)))]) for n in range(40)]

        async def ask() -> None:
            async with AsyncExitStack() as stack:
                entering = (stack.enter_async_context(harness.tail_cache.of(each, harness.fetch)) for each in asked)
                found = [each.merged_tail is not None for each in await asyncio.gather(*entering)]  # all at once
                assert found == sorted(found, reverse=True)
                assert not all(found)
                assert 80_000 < harness.on_disk < 100_000
                async with harness.tail_cache.of(asked[found.index(False) - 1], harness.fetch) as kept:
                    assert kept.merged_tail is not None
            assert harness.on_disk <= 40_000
            async with harness.tail_cache.of(asked[-1], harness.fetch) as later:
                assert later.merged_tail is not None

        asyncio.run(ask())


def test_a_caller_who_leaves_while_dates_are_merged_leaves_nothing_behind(harness: Harness) -> None:
    asked = local([], [harness.landed(late(3, 3))])

    async def ask() -> None:
        running = asyncio.Event()

        async def endless(query: Query) -> pa.Table:
            harness.connection.execute(query.sql)
            running.set()
            return await asyncio.Future()

        async def leaving() -> None:
            async with harness.tail_cache.of(asked, endless):
                raise AssertionError("it was never merged")

        left = asyncio.create_task(leaving())
        await running.wait()
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert await harness.ask(asked) == [(DAY, 1545, 3)]

    asyncio.run(ask())
    assert len(list(harness.kept.iterdir())) == 1
    assert harness.tail_cache.stats == CacheStats(hits=0, misses=2, bytes=harness.on_disk)


def test_a_query_that_writes_only_after_its_caller_has_left_leaves_nothing_behind(harness: Harness) -> None:
    """An interrupt that comes before the query has begun is lost: it may write while others merge already."""
    days = [DAY + timedelta(n) for n in range(3)]
    asked = [local([], [harness.landed(late(1, flight_date=day))]) for day in days]

    async def ask() -> None:
        given_up: list[str] = []

        async def leaving(query: Query) -> pa.Table:
            given_up.append(query.sql)
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            async with harness.tail_cache.of(asked[0], leaving):
                raise AssertionError("it was never merged")
        await harness.ask(asked[1])
        harness.connection.execute(given_up[0])
        await harness.ask(asked[2])

    asyncio.run(ask())
    assert len(list(harness.kept.iterdir())) == 2
    assert harness.tail_cache.stats.bytes == harness.on_disk


@pytest.mark.parametrize("error", [duckdb.OutOfMemoryException, duckdb.IOException])
def test_a_question_merges_for_itself_when_filling_the_cache_fails(harness: Harness, error: type[duckdb.Error]) -> None:
    first, second = harness.landed(late(3, 3)), harness.landed(late(4, 4))

    async def failing(query: Query) -> pa.Table:
        raise error("no more of it")

    async def ask() -> None:
        await harness.ask(local([], [first]))
        async with harness.tail_cache.of(local([], [first, second]), failing) as alone:
            assert alone.merged_tail is None
            assert harness.rows(alone) == [(DAY, 1545, 4)]
        assert await harness.ask(local([], [first, second])) == [(DAY, 1545, 4)]

    asyncio.run(ask())
    assert harness.tail_cache.stats.bytes == harness.on_disk


def test_what_an_earlier_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "merged_tail" / "1" / "flight_date=2013-01-01" / "data_0.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    TailCache(tmp_path / "merged_tail", 1000, 0)
    assert not left.exists()
