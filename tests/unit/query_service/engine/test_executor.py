"""How questions wait for the files that they need: without threads, for one download, and not in each other's way."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import MonthFile
from query_service.engine.database import Database, Query
from tests._support.api.in_process import Api, serving
from tests._support.api.problems import problem
from tests._support.api.slow_readers import scope
from tests._support.lakes import parquet_bombs as bombs
from tests._support.lakes.builder import T0, Event, LakeBuilder, event
from tests._support.lakes.compactors import compactor
from tests._support.lakes.rows import unique
from tests._support.lakes.stores import Gate, WatchedStore
from tests._support.lakes.two_months import FEBRUARY, JANUARY, two_months

URL = "/v1/stats"


def held(gate: Gate) -> MemoryStore:
    """A lake of one file, whose download waits for the gate."""
    store = WatchedStore()
    LakeBuilder(store).land(event())
    store.on_download = gate
    return store


async def asking(api: Api, count: int) -> list[asyncio.Task[int]]:
    """So many requests, each another question, when all of them wait for the download."""

    async def status(limit: int) -> int:
        return (await api.client.get(f"{URL}?limit={limit}")).status_code

    tasks = [asyncio.create_task(status(number + 1)) for number in range(count)]
    async with asyncio.timeout(20):
        while await metric(api, 'cache_hits_total{cache="file"}') < count - 1:
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
            return threads, await asyncio.gather(*tasks), await metric(api, 'cache_misses_total{cache="file"}')

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
            return await asyncio.gather(*tasks), await metric(api, 'cache_misses_total{cache="file"}')

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


@pytest.mark.parametrize("path", [JANUARY, "/v1/flights", "/v1/flights/2013-01-02-UA-1545-EWR", "/v1/lake"])
def test_a_file_that_is_collected_between_plan_and_read_is_planned_around(path: str) -> None:
    store = WatchedStore()
    lake = two_months(store)

    def collect(name: str) -> None:
        if name.startswith("landing/") and name not in lake.snapshot.absorbed:
            lake.merge(collect=True)

    store.on_download = collect
    with serving(store, plan_max_age_s=60.0) as api:  # the plan would have been good for long
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Lake-Snapshot"] == "2"
        assert api.rows(JANUARY)[0]["flights"] == 2


def test_planning_again_ends_after_three_times() -> None:
    store = WatchedStore()
    lake = two_months(store)

    def take_away(name: str) -> None:
        if name.startswith("landing/"):
            store.delete(name)
            lake.land(event(flight_date=date(2013, 1, 2)))  # under a new name, gone as soon as it is wanted

    store.on_download = take_away
    with serving(store) as api:
        problem(api.get("/v1/stats?date_from=2013-01-02&date_to=2013-01-02"), 503, "missing")
    assert store.landing_listings == 5  # four plans, and the last look


def test_more_questions_than_the_queue_holds_are_turned_away() -> None:
    store, gate = WatchedStore(), Gate()
    two_months(store)
    store.on_download = gate
    with serving(store, max_concurrent_queries=1, queue_limit=1) as api:

        async def together() -> list[httpx.Response]:
            held = [asyncio.create_task(api.client.get(path)) for path in (JANUARY, FEBRUARY)]
            await asyncio.to_thread(gate.wait_until_reached)
            turned_away = await api.client.get(JANUARY)
            gate.open()
            return [*await asyncio.gather(*held), turned_away]

        *held, turned_away = api.run(together())
        assert [answer.status_code for answer in held] == [200, 200]
        problem(turned_away, 503, "overloaded")
        assert turned_away.headers["Retry-After"] == "1"
        assert api.get(JANUARY).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    store, gate = WatchedStore(), Gate()
    two_months(store)
    with serving(store, query_timeout_s=0.5) as api:
        store.on_download = gate
        assert "0.5 s" in problem(api.get(JANUARY), 504, "deadline")["detail"]
        store.on_download = lambda _: None
        assert api.rows(FEBRUARY)[0]["flights"] == 1
        gate.open()
        assert api.rows(JANUARY)[0]["flights"] == 2


def said_to_have(lake: LakeBuilder, month: str, size: int) -> MonthFile:
    """The month's file merged once more, of which the next snapshot says another size."""
    entry = lake.snapshot.months[month][0]
    name = object_names.month_file(month, entry.added_snapshot, unique())
    lake.store.create(name, lake.store.read(entry.name))
    return dataclasses.replace(entry, name=name, size=size, added_snapshot=lake.snapshot.number + 1)


def test_files_of_answers_that_were_given_up_do_not_fill_the_cache() -> None:
    store, gate = WatchedStore(), Gate()
    lake = two_months(store)
    months = {month: said_to_have(lake, month, 700_000) for month in lake.snapshot.months}
    lake.commit(months, lake.snapshot.absorbed)
    with serving(store, query_timeout_s=0.1, file_cache_mb=1) as api:
        store.on_download = gate
        problem(api.get(JANUARY), 504, "deadline")
        problem(api.get(FEBRUARY), 503, "cache-full")
        gate.open()
        store.on_download = lambda _: None
        while (answer := api.get(FEBRUARY)).status_code == 503:
            pass  # until the download of January has ended
        assert answer.status_code == 200


def test_a_caller_that_leaves_takes_its_work_along() -> None:
    store, gate = WatchedStore(), Gate()
    two_months(store)
    store.on_download = gate
    with serving(store, max_concurrent_queries=1, queue_limit=0) as api:

        async def leave() -> None:
            async def receive() -> dict[str, Any]:
                await asyncio.to_thread(gate.wait_until_reached)
                return {"type": "http.disconnect"}

            async def send(_: Any) -> None:
                return

            async with asyncio.timeout(10):  # less than the gate holds the download
                await api.app(scope(JANUARY), receive, send)

        api.run(leave())
        store.on_download = lambda _: None
        assert api.get(FEBRUARY).status_code == 200  # the only place is free
        gate.open()


def test_a_plan_that_grows_old_in_the_queue_is_renewed_once() -> None:
    """The second plan was listed after the request arrived: it is good for as long as an answer may take."""
    store, clock = WatchedStore(), Clock()
    two_months(store)

    def slow(_: str) -> None:
        clock.moment += timedelta(seconds=1.5)

    with serving(store, clock, plan_max_age_s=1.0) as api:
        assert api.get("/ready").status_code == 200
        clock.moment += timedelta(seconds=0.5)
        store.on_download = slow
        answer = api.get(FEBRUARY)
    assert answer.status_code == 200
    assert answer.headers["Lake-As-Of"] == "2026-11-24T00:00:02Z"
    assert store.landing_listings == 2


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def test_a_process_frozen_while_it_answers_plans_again() -> None:
    store, clock = WatchedStore(), Clock()
    lake = two_months(store)

    def freeze(_: str) -> None:
        store.on_download = lambda _: None
        clock.moment += timedelta(hours=3)
        lake.land(event(flight_date=date(2013, 1, 2), flight_number=2))  # acked while it was frozen

    store.on_download = freeze
    with serving(store, clock, plan_max_age_s=1.0) as api:
        answer = api.get(JANUARY)
    assert answer.json()["data"][0]["flights"] == 3
    assert answer.headers["Lake-As-Of"] == "2026-11-24T03:00:00Z"


def test_a_process_frozen_while_its_query_runs_plans_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, clock = WatchedStore(), Clock()
    lake = two_months(store)
    fetch = Database.fetch
    frozen = 0

    async def freeze(database: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        nonlocal frozen
        rows = await fetch(database, query, admitted)
        if frozen == 0:
            frozen += 1
            clock.moment += timedelta(hours=3)
            lake.land(event(flight_date=date(2013, 1, 2), flight_number=2))  # acked while it was frozen
        return rows

    monkeypatch.setattr(Database, "fetch", freeze)
    with serving(store, clock, plan_max_age_s=1.0) as api:
        answer = api.get(JANUARY)
    assert answer.json()["data"][0]["flights"] == 3
    assert answer.headers["Lake-As-Of"] == "2026-11-24T03:00:00Z"


@pytest.mark.parametrize("bomb", [bombs.many_rows, bombs.long_text])
def test_a_file_that_no_writer_makes_is_named_and_other_dates_are_answered(bomb: Callable[[], bytes]) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 1, 2)))
    foreign = lake.land_bytes(date(2013, 1, 1), bomb())
    with serving(lake.store) as api:
        for path in ("/v1/flights?date_to=2013-01-01", "/v1/stats"):
            assert foreign in problem(api.get(path), 503, "unreadable")["detail"]
        assert api.rows("/v1/stats?date_from=2013-01-02")[0]["flights"] == 1
        assert [entry["name"] for entry in api.json("/v1/lake")["unreadable"]] == [foreign]


def test_a_file_too_large_for_the_cache_is_named_when_no_writer_lands_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakehouse.table.parquet_limits.LANDED_MAX_BYTES", 1_000_000)
    lake = LakeBuilder(MemoryStore())
    lake.land(event(flight_date=date(2013, 1, 2)))
    foreign = lake.land_bytes(date(2013, 1, 1), b"x" * 1_000_001)
    with serving(lake.store, file_cache_mb=1) as api:
        for path in ("/v1/flights?date_to=2013-01-01", "/v1/stats"):
            assert foreign in problem(api.get(path), 503, "unreadable")["detail"]
        assert api.rows("/v1/stats?date_from=2013-01-02")[0]["flights"] == 1
        assert [entry["name"] for entry in api.json("/v1/lake")["unreadable"]] == [foreign]


def test_dates_with_more_data_than_the_cache_holds_are_the_callers_problem() -> None:
    lake = two_months()
    lake.commit({**lake.snapshot.months, "2013-02": said_to_have(lake, "2013-02", 2_000_000)}, lake.snapshot.absorbed)
    with serving(lake.store, file_cache_mb=1) as api:
        assert "date_from" in problem(api.get(FEBRUARY), 422, "too-many-dates")["detail"]
        assert api.get(JANUARY).status_code == 200


def test_room_that_others_use_is_a_reason_to_try_again() -> None:
    store, gate = WatchedStore(), Gate()
    lake = two_months(store)
    months = {month: said_to_have(lake, month, 700_000) for month in lake.snapshot.months}
    lake.commit(months, lake.snapshot.absorbed)
    store.on_download = gate
    with serving(store, file_cache_mb=1) as api:

        async def together() -> list[httpx.Response]:
            held = asyncio.create_task(api.client.get(JANUARY))
            await asyncio.to_thread(gate.wait_until_reached)
            refused = await api.client.get(FEBRUARY)
            gate.open()
            return [await held, refused]

        held, refused = api.run(together())
        assert held.status_code == 200
        problem(refused, 503, "cache-full")
        assert refused.headers["Retry-After"] == "1"
        assert api.get(FEBRUARY).status_code == 200


def void(hour: int) -> Event:
    return event(status="void", event_time=T0 + timedelta(hours=hour))


def test_a_tail_event_that_is_older_than_a_hidden_state_is_not_shown() -> None:
    lake = two_months()
    lake.land(void(2))
    lake.merge()
    assert list(lake.snapshot.hidden) == ["2013-01"]
    with serving(lake.store, plan_max_age_s=0) as api:
        before = api.rows(JANUARY)[0]["flights"]
        lake.land(event(event_time=T0 + timedelta(hours=1)))
        assert api.rows(JANUARY)[0]["flights"] == before
        lake.land(event(event_time=T0 + timedelta(hours=3)))
        assert api.rows(JANUARY)[0]["flights"] == before + 1


def test_hidden_files_are_opened_only_where_the_tail_is_or_for_their_carrier() -> None:
    lake = two_months()
    lake.land(void(2), event(carrier="ZZ"))
    lake.merge()
    (hidden,) = lake.snapshot.hidden["2013-01"]
    lake.store.delete(hidden.name)
    lake.land(event(flight_date=date(2013, 2, 2)))
    with serving(lake.store, plan_max_age_s=0) as api:
        assert api.get("/v1/stats").status_code == 200
        assert hidden.name in problem(api.get("/v1/stats?carrier=ZZ"), 503, "missing")["detail"]
        lake.land(event(flight_number=7))
        assert hidden.name in problem(api.get(JANUARY), 503, "missing")["detail"]
        assert api.get(FEBRUARY).status_code == 200


def test_a_tag_stays_as_long_as_the_files_of_its_dates(tmp_path: Path) -> None:
    lake = LakeBuilder(MemoryStore())
    made = compactor(lake.store, tmp_path, moving_file_max_bytes=1)

    def tags(api: Api) -> list[str]:
        paths = ("date_to=2013-01-01", "date_from=2013-01-02", "date_to=2013-01-01&carrier=ZZ")
        return [api.get(f"/v1/stats?{path}").headers["etag"] for path in paths]

    for number in (1, 2):
        lake.land(event(flight_number=number), event(flight_date=date(2013, 1, 2), flight_number=number))
        made.compact()
    with serving(lake.store, plan_max_age_s=0) as api:
        before = tags(api)
        lake.land(event(flight_date=date(2013, 1, 2), flight_number=3))
        made.compact()
        moved = tags(api)
        lake.land(event(flight_date=date(2013, 1, 2), flight_number=3, carrier="ZZ"))
        made.compact()
        probed = tags(api)
    assert [before[i] == moved[i] for i in range(3)] == [True, False, True]
    assert [moved[i] == probed[i] for i in (0, 2)] == [True, True]
