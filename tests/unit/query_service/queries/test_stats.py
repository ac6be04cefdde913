"""Answers from the rollups of whole months: the same bytes as counted flight by flight, in bounded memory and time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from tests._support.api.in_process import Api, serving
from tests._support.api.metrics_page import page
from tests._support.api.problems import problem
from tests._support.api.query_counter import Counter
from tests._support.lakes.builder import T0, Event, LakeBuilder, event
from tests._support.lakes.rows import key, order
from tests._support.lakes.stores import Gate, WatchedStore
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import FORMATS, check_same_bytes, random_question
from tests._support.sizes import seeds

MONTHS = [date(2012 + n // 12, n % 12 + 1, 1) for n in range(10, 28)]
"""The last two of a year, a whole one, and four more."""

ROLLUPS: dict[str, Any] = {"rollup_min_rows": 0, "result_cache_mb": 0}
"""Rollups are used for however few flights; and answers are computed each time."""

ONE_BY_ONE: dict[str, Any] = {"rollup_cache_mb": 0, "result_cache_mb": 0}


def random_days(choose: random.Random, count: int, months: Sequence[date]) -> list[Event]:
    """Events of few flights on the first and last days of those months."""
    events: dict[object, Event] = {}
    for row in stats_oracle.random_events(choose, count):
        first = choose.choice(months)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        moved = row | {"flight_date": choose.choice([first, first + timedelta(days=1), last])}
        events[key(moved), order(moved)] = moved
    return list(events.values())


def random_window(choose: random.Random) -> dict[str, list[str]]:
    """From and to some day, mostly the first and the last of a month."""
    first, last = sorted(choose.sample(MONTHS, 2))
    window = {
        "date_from": [(first + timedelta(days=choose.choice([0, 0, 0, 1]))).isoformat()],
        "date_to": [(last - timedelta(days=choose.choice([1, 1, 1, 0, 2]))).isoformat()],
    }
    return {name: value for name, value in window.items() if choose.random() < 0.8}


@pytest.mark.parametrize("seed", seeds(8))
def test_answers_from_rollups_have_the_same_bytes_as_those_counted_flight_by_flight(seed: int) -> None:
    print(f"seed {seed}")
    choose = random.Random(seed)
    lake = LakeBuilder(MemoryStore(), dates_a_file=choose.choice([1, 2, 31]))
    events: list[Event] = []
    with serving(lake.store, **ROLLUPS) as rollups, serving(lake.store, **ONE_BY_ONE) as plain:
        for months in (MONTHS, MONTHS[3:], MONTHS[-3:], [choose.choice(MONTHS)]):
            seen = {(key(row), order(row)) for row in events}  # no two that are equally new
            landed = [row for row in random_days(choose, 400, months) if (key(row), order(row)) not in seen]
            events += landed
            lake.land(*landed)
            if months is not MONTHS[-3:] and choose.random() < 0.8:
                lake.merge()
            for _ in range(6):
                asked, filters = random_question(choose)
                asked = {n: v for n, v in asked.items() if not n.startswith("date_")} | random_window(choose)
                if lake.snapshot.number and choose.random() < 0.2:
                    asked["snapshot"] = [str(choose.randint(1, lake.snapshot.number))]
                asked["format"] = [choose.choice(FORMATS)]
                asked["limit"] = [str(choose.choice([1, 3, 1000]))]
                check_same_bytes(rollups, plain, asked, filters, None if "snapshot" in asked else events)
        assert metric(rollups, "hits_total") > 0
        assert metric(plain, "misses_total") == 0


def metric(api: Api, name: str) -> float:
    return page(api).cache("rollup", name)


def years(*numbers: int, months: Sequence[int] = (1, 2, 3), store: MemoryStore | None = None) -> LakeBuilder:
    """A few flights in each of those months, merged."""
    lake = LakeBuilder(store or MemoryStore())
    lake.land(
        *(event(flight_date=date(y, m, d), departure_delay_minutes=m) for y in numbers for m in months for d in (1, 2))
    )
    lake.merge()
    return lake


def test_a_month_that_the_tail_touches_is_counted_from_its_flights() -> None:
    lake = years(2013)
    with serving(lake.store, **ROLLUPS) as api:
        assert api.rows("/v1/stats")[0]["cancelled"] == 0
        lake.land(
            event(flight_date=date(2013, 2, 1), status="cancelled", event_time=T0 + timedelta(seconds=1)),
            event(flight_date=date(2013, 3, 2), status="cancelled", event_time=T0 - timedelta(seconds=1)),  # is older
            event(flight_date=date(2013, 3, 1), status="void", event_time=T0 + timedelta(seconds=1)),
        )
        (row,) = api.rows("/v1/stats")
    assert (row["flights"], row["arrived"], row["cancelled"]) == (5, 4, 1)


@pytest.mark.parametrize("group", ["month", "year", "tail_number"])
def test_rollups_of_another_on_time_limit_decide_nothing(group: str) -> None:
    with serving(years(2012, 2013).store, **ROLLUPS) as api:  # delays of one, two and three minutes
        for minutes in (2, 3, 15, 2):
            rows = api.rows(f"/v1/stats?on_time_minutes={minutes}&group_by={group}")
            on_time = sum(row["flights"] * row["on_time_departure_rate"] for row in rows)
            assert round(on_time) == 4 * min(3, minutes - 1)
        assert metric(api, "hits_total") > 0


def test_on_time_limits_share_the_rollups_that_have_all_delays(queries: Counter) -> None:
    with serving(years(2012, 2013).store, **ROLLUPS) as api:
        api.json("/v1/stats?group_by=quarter")
        before = queries.count
        api.json("/v1/stats?group_by=quarter&on_time_minutes=30&min_flights=2")
    assert queries.count - before == 1  # the sum


@pytest.mark.parametrize("dates_a_file", [1, 2])
def test_a_month_of_several_files_has_the_answers_of_one(dates_a_file: int) -> None:
    days = [date(2013, month, day) for month in (1, 2) for day in range(1, 7)]
    lake = LakeBuilder(MemoryStore(), dates_a_file=dates_a_file)
    lake.land(*(event(flight_date=day, departure_delay_minutes=day.day) for day in days))
    lake.merge()
    lake.land(event(flight_date=date(2013, 2, 3), status="cancelled", event_time=T0 + timedelta(seconds=1)))
    with serving(lake.store, **ROLLUPS) as rollups, serving(lake.store, **ONE_BY_ONE) as plain:
        for asked in (
            "group_by=month",
            "group_by=flight_date",
            "group_by=carrier",
            "group_by=month&date_to=2013-01-02",
            "group_by=month&date_to=2013-01-05",  # within a file of two dates
        ):
            assert rollups.rows(f"/v1/stats?{asked}") == plain.rows(f"/v1/stats?{asked}")
        assert [row["flights"] for row in rollups.rows("/v1/stats?group_by=month")] == [6, 6]
        assert metric(rollups, "hits_total") > 0


def test_a_month_that_is_partly_in_the_window_is_counted_flight_by_flight() -> None:
    with serving(years(2012, 2013).store, **ROLLUPS) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 12  # all rollups are kept from now on
        assert api.rows("/v1/stats?date_from=2012-01-02")[0]["flights"] == 11
        assert api.rows("/v1/stats?date_to=2013-03-01")[0]["flights"] == 11
        assert api.rows("/v1/stats?date_from=2012-03-02&date_to=2013-02-01")[0]["flights"] == 4


def test_a_window_that_moves_on_reads_only_the_month_that_is_new(queries: Counter) -> None:
    lake = years(2013, 2014)
    with serving(lake.store, **ROLLUPS) as api:
        api.json("/v1/stats?date_from=2013-01-01&date_to=2014-02-28")
        asked, made = queries.count, metric(api, "misses_total")
        assert api.rows("/v1/stats?date_from=2013-02-01&date_to=2014-03-31")[0]["flights"] == 10
    assert made == 3 + 1 + 2  # months, and a table for 2013
    assert queries.count - asked == 3  # the part of 2014-03, a table for 2014, and the sum


def test_a_month_that_was_merged_again_is_read_again() -> None:
    lake = years(2013)
    with serving(lake.store, **ROLLUPS) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 6
        lake.land(event(flight_date=date(2013, 2, 3)))
        lake.merge()
        assert api.rows("/v1/stats")[0]["flights"] == 7
        assert api.rows("/v1/stats?snapshot=1")[0]["flights"] == 6


def test_few_flights_are_counted_one_by_one(queries: Counter) -> None:
    with serving(years(2013).store, rollup_min_rows=7, result_cache_mb=0) as api:
        api.json("/v1/stats")
        assert (queries.count, metric(api, "misses_total")) == (1, 0)


def test_rollups_that_were_made_before_the_deadline_are_there_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    fetch, frozen = Database.fetch, [True]

    async def freezing(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        if frozen[0] and len(ran) == 4:  # two years are done
            await asyncio.Event().wait()
        ran.append(query.sql)
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", freezing)
    with serving(years(2013, 2014, 2015).store, query_timeout_s=3.0, **ROLLUPS) as api:
        problem(api.get("/v1/stats"), 504, "deadline")
        frozen[0] = False
        assert api.rows("/v1/stats")[0]["flights"] == 18
    assert len(ran) == 4 + 2 + 1  # a year's months, and their sum, each once


def test_the_same_question_asked_at_once_makes_its_rollups_once(queries: Counter) -> None:
    with serving(years(2013, 2014).store, **ROLLUPS) as api:

        async def crowd() -> set[bytes]:
            return {answer.content for answer in await asyncio.gather(*(api.client.get("/v1/stats") for _ in range(5)))}

        assert len(api.run(crowd())) == 1
        assert metric(api, "misses_total") == 2 * (3 + 1)
    assert queries.count == 2 * (1 + 1) + 5


def test_who_waits_for_rollups_to_be_made_holds_up_nobody_whose_rollups_are_kept() -> None:
    store, gate = WatchedStore(), Gate()
    years(2012, 2013, 2014, store=store)
    kept = "/v1/stats?date_to=2013-12-31"
    with serving(store, **ROLLUPS) as api:
        before = api.rows(kept)

        async def work() -> None:
            store.on_download = gate
            cold = [
                asyncio.create_task(api.client.get(f"/v1/stats?group_by={by}")) for by in ("carrier", "origin", "hour")
            ]
            try:
                await asyncio.to_thread(gate.wait_until_reached)
                async with asyncio.timeout(5):
                    answer = await api.client.get(kept)
                assert answer.json()["data"] == before
                assert not any(task.done() for task in cold)
            finally:
                gate.open()
                answers = await asyncio.gather(*cold)
            assert {answer.json()["data"][0]["flights"] for answer in answers} == {18}

        api.run(work())


def test_rollups_that_are_too_large_are_not_kept_and_the_answer_is_the_same(queries: Counter) -> None:
    lake = LakeBuilder(MemoryStore())
    wide = [
        event(flight_date=date(2013, month, 1), origin=f"{n:04}", departure_delay_minutes=n, arrival_delay_minutes=n)
        for month in (1, 2)
        for n in range(2500)  # 5,000 histogram rows of at least 9 bytes: more than a 32nd of a MB
    ]
    lake.land(*wide)
    lake.merge()
    path = "/v1/stats?group_by=origin&limit=10000"
    with serving(lake.store, **ONE_BY_ONE) as api:
        want = api.get(path).content
    before = queries.count
    with serving(lake.store, rollup_cache_mb=1, **ROLLUPS) as api:
        assert api.get(path).content == want
        assert queries.count - before == 2  # a try, and flight by flight
        assert api.get(path).content == want
        assert queries.count - before == 3  # no more tries
        assert metric(api, "bytes") < 10_000


def test_an_unreadable_file_makes_answers_from_rollups_a_problem_that_names_it() -> None:
    lake = years(2013)
    broken = lake.month_file("2013-02", b"not Parquet")
    lake.commit({**lake.snapshot.months, "2013-02": broken}, lake.snapshot.absorbed)
    with serving(lake.store, **ROLLUPS) as api:
        assert broken.name in problem(api.get("/v1/stats"), 503, "unreadable")["detail"]
        assert api.rows("/v1/stats?date_to=2013-01-31")[0]["flights"] == 2
