"""min_event_time and wait_s: the answer comes when the state is new enough, or 504."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import quote

import httpx
import pyarrow as pa
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from tests._support.api import serving
from tests._support.lake_builder import T0, Event, LakeBuilder, event
from tests._support.stores import Gate, WatchedStore

PATH = "/v1/flights/2013-01-01-UA-1545-EWR"
LATER = T0 + timedelta(seconds=10)
AGE_S = 0.01  # plans are old at once: a wait looks about a hundred times a second


def at_listing(number: int, arrive: Callable[[], object]) -> Callable[[str], None]:
    """A hook that lets something arrive right before the listing of that number."""
    seen = 0

    def hook(prefix: str) -> None:
        nonlocal seen
        seen += prefix == "landing/"
        if seen == number and prefix == "landing/":
            arrive()

    return hook


def waiting(wait_s: float, moment: str = LATER.isoformat()) -> str:
    return f"{PATH}?min_event_time={quote(moment)}&wait_s={wait_s}"


def lake_with_arrival(number: int, arriving: Event, *before: Event) -> WatchedStore:
    store = WatchedStore()
    lake = LakeBuilder(store)
    lake.land(*before)
    store.on_list = at_listing(number, lambda: lake.land(arriving))
    return store


def test_answers_as_soon_as_the_event_is_there() -> None:
    store = lake_with_arrival(4, event(status="arrived", event_time=LATER), event(status="departed"))
    with serving(store, plan_max_age_s=AGE_S) as api:
        assert api.json(waiting(20))["data"]["status"] == "arrived"
    assert store.landing_listings == 4


def test_waits_for_a_flight_that_nobody_has_heard_of() -> None:
    store = lake_with_arrival(3, event(event_time=LATER))
    with serving(store, plan_max_age_s=AGE_S) as api:
        assert api.json(waiting(20))["data"]["event_time"] == "2013-01-01T12:00:10Z"


def test_a_newer_state_than_asked_for_answers_at_once() -> None:
    store = lake_with_arrival(2, event(), event(event_time=LATER + timedelta(microseconds=1)))
    with serving(store) as api:
        assert api.get(waiting(30)).status_code == 200
    assert store.landing_listings == 1


def test_digits_beyond_the_microsecond_are_cut_as_the_writer_cuts_those_of_an_event() -> None:
    # Who published 12:00:10.0000009 asks for just that, and the event is in the lake as 12:00:10.
    store = lake_with_arrival(2, event(), event(event_time=LATER))
    with serving(store) as api:
        assert api.get(waiting(0, "2013-01-01T12:00:10.000000999Z")).status_code == 200
        assert api.get(waiting(0, "2013-01-01T12:00:10.000001Z")).status_code == 504


def test_an_older_arrival_does_not_end_the_wait() -> None:
    store = lake_with_arrival(2, event(event_time=LATER - timedelta(microseconds=1)), event())
    with serving(store, plan_max_age_s=AGE_S) as api:
        answer = api.get(waiting(1))
    assert answer.status_code == 504
    assert "2013-01-01T12:00:09.999999Z" in answer.json()["detail"]
    assert store.landing_listings >= 3


def test_without_wait_s_there_is_no_waiting() -> None:
    store = lake_with_arrival(2, event(event_time=LATER), event())
    with serving(store) as api:
        assert api.get(f"{PATH}?min_event_time={quote(LATER.isoformat())}").status_code == 504
        assert store.landing_listings == 1
        assert api.get(f"{PATH}?min_event_time={quote(LATER.isoformat())}").status_code == 200


def test_a_withdrawal_ends_the_wait_when_it_is_new_enough() -> None:
    store = lake_with_arrival(3, event(status="void", event_time=LATER), event())
    with serving(store, plan_max_age_s=AGE_S) as api:
        assert api.get(waiting(20)).status_code == 404


def test_an_offset_of_the_caller_is_the_same_moment() -> None:
    store = lake_with_arrival(9, event(), event(event_time=LATER))
    with serving(store) as api:
        assert api.get(waiting(0, "2013-01-01T14:00:10+02:00")).status_code == 200
        assert api.get(waiting(0, "2013-01-01T14:00:10.000001+02:00")).status_code == 504


def test_looks_at_unchanged_files_run_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = 0
    fetch = Database.fetch

    async def counted(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        nonlocal queries
        queries += 1
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", counted)
    store = lake_with_arrival(3, event(flight_date=date(2013, 1, 2), event_time=LATER), event())
    with serving(store, plan_max_age_s=AGE_S) as api:
        assert api.get(waiting(1)).status_code == 504
    assert store.landing_listings > 3
    assert queries == 1


def test_more_waits_than_the_limit_are_turned_away() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store, plan_max_age_s=AGE_S, max_long_polls=2) as api:

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(api.client.get(waiting(0.3)) for _ in range(5)))

        answers = api.run(together())
        assert sorted(answer.status_code for answer in answers) == [503, 503, 503, 504, 504]
        assert all(answer.headers["Retry-After"] == "1" for answer in answers)
        assert api.get(waiting(0.01)).status_code == 504


def test_a_wait_leaves_its_place_to_questions() -> None:
    store, gate = WatchedStore(), Gate()
    LakeBuilder(store).land(event())
    store.on_list = gate
    with serving(store, plan_max_age_s=1.0, max_concurrent_queries=1, queue_limit=0) as api:

        async def together() -> bool:
            wait = asyncio.create_task(api.client.get(waiting(0.5)))
            await asyncio.to_thread(gate.wait_until_reached)
            assert (await api.client.get("/v1/stats")).status_code == 503  # the first look has the only place
            gate.open()
            while (await api.client.get("/v1/stats")).status_code == 503:
                await _let_others_go_on()  # a refusal at the door waits for nothing
            answered_first = not wait.done()
            assert (await wait).status_code == 504
            return answered_first

        assert api.run(together())


async def _let_others_go_on() -> None:
    await asyncio.sleep(0)
