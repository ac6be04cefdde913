"""min_event_time and wait_s: the answer comes when the state is new enough, or 504."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow as pa
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys, new_key
from query_service.engine.database import Database, Query
from query_service.errors import ProblemError
from query_service.queries.long_poll import LongPollLimits, LongPollSlots
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import T0, Event, LakeBuilder, event
from tests._support.lakes.stores import Gate, WatchedStore

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


class Crowd:
    """Requests that wait until `let_go`, when what they wait for arrives."""

    def __init__(self, api: Api, lake: LakeBuilder) -> None:
        self._api = api
        self._lake = lake
        self._asked: list[asyncio.Task[httpx.Response]] = []

    async def refused(self, number: int, asking: list[dict[str, str]], carrier: str = "UA") -> list[httpx.Response]:
        """The answers that come at once when requests with these headers are sent: so many."""
        url = waiting(30).replace("-UA-", f"-{carrier}-")
        tasks = [asyncio.create_task(self._api.client.get(url, headers=headers)) for headers in asking]
        self._asked += tasks
        done: set[asyncio.Task[httpx.Response]] = set()
        left = set(tasks)
        while len(done) < number:
            some, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            done |= some
        return [task.result() for task in done]

    async def let_go(self) -> list[int]:
        """How all were answered in the end."""
        self._lake.land(event(event_time=LATER), event(carrier="ZZ", event_time=LATER))
        return sorted(answer.status_code for answer in await asyncio.gather(*self._asked))


def crowd_of(
    number_refused: int, asking: list[dict[str, str]], **settings: Any
) -> tuple[list[httpx.Response], list[int]]:
    """The refusals among such requests, and how all were answered in the end."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="ZZ"))
    with serving(lake.store, plan_max_age_s=AGE_S, **settings) as api:

        async def work() -> tuple[list[httpx.Response], list[int]]:
            crowd = Crowd(api, lake)
            return await crowd.refused(number_refused, asking), await crowd.let_go()

        return api.run(work())


def by(*addresses: str) -> list[dict[str, str]]:
    return [{"X-Forwarded-For": address} for address in addresses]


def test_one_caller_takes_its_share_and_others_wait_next_to_it() -> None:
    asking = by(*["10.0.0.1"] * 4, "10.0.0.2", "10.0.0.2", "10.0.0.3")
    refused, answered = crowd_of(2, asking, max_long_polls=5, max_long_polls_per_caller=2, proxy_hops=1)
    assert answered == [200, 200, 200, 200, 200, 429, 429]
    assert {answer.json()["type"].rpartition("#")[2] for answer in refused} == {"too-many-waits"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


@pytest.mark.parametrize(
    "other",
    [
        "10.0.0.9, 10.0.0.1",
        "::ffff:10.0.0.1",
        " 10.0.0.1 ",
        "10.0.0.1:4711",
        "[::ffff:10.0.0.1]:4711",
        "[::ffff:a00:1]",
    ],
)
def test_a_caller_cannot_give_itself_another_address(other: str) -> None:
    _, answered = crowd_of(1, by("10.0.0.1", other), max_long_polls_per_caller=1, proxy_hops=1)
    assert answered == [200, 429]


def test_a_network_of_ipv6_is_one_caller() -> None:
    asking = by("2001:db8::1", "2001:db8::ffff:2", "[2001:db8::3]", "[2001:db8::4]:4711", "2001:db8:0:1::1")
    _, answered = crowd_of(3, asking, max_long_polls_per_caller=1, proxy_hops=1)
    assert answered == [200, 200, 429, 429, 429]


def test_names_in_place_of_addresses_are_those_who_connect() -> None:
    _, answered = crowd_of(2, by("unknown", "_a", "_b:1"), max_long_polls_per_caller=1, proxy_hops=1)
    assert answered == [200, 429, 429]


def test_each_key_is_a_caller_wherever_it_asks_from() -> None:
    made = {name: new_key(name) for name in ("a", "b")}
    keys = load_keys(",".join(entry for _, entry in made.values()), None)
    asking = [{"X-API-Key": made[name][0]} for name in ("a", "a", "b")]
    _, answered = crowd_of(1, asking, keys=keys, max_long_polls_per_caller=1)
    assert answered == [200, 200, 429]


def test_the_canary_waits_when_all_other_places_are_taken() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="ZZ"))
    with serving(lake.store, plan_max_age_s=AGE_S, max_long_polls=2, canary_long_polls=2, proxy_hops=1) as api:

        async def work() -> list[int]:
            crowd = Crowd(api, lake)
            [refused] = await crowd.refused(1, by("10.0.0.1", "10.0.0.2", "10.0.0.3"))
            assert refused.status_code == 503
            [greedy] = await crowd.refused(1, by("10.0.0.4", "10.0.0.4"), "ZZ")
            assert greedy.status_code == 503
            await crowd.refused(0, by("10.0.0.5"), "ZZ")
            return await crowd.let_go()

        assert api.run(work()) == [200, 200, 200, 200, 503, 503]


def test_with_keys_the_canarys_places_are_for_its_key_alone() -> None:
    made = {name: new_key(name) for name in ("probe", "a", "b")}
    keys = load_keys(",".join(entry for _, entry in made.values()), None)
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="ZZ"))
    with serving(lake.store, keys=keys, plan_max_age_s=AGE_S, max_long_polls=0, canary_long_polls=2) as api:

        async def work() -> list[int]:
            crowd = Crowd(api, lake)
            refused = await crowd.refused(2, [{"X-API-Key": made[name][0]} for name in ("a", "b")], "ZZ")
            assert [answer.status_code for answer in refused] == [503, 503]
            await crowd.refused(0, [{"X-API-Key": made["probe"][0]}], "ZZ")
            return await crowd.let_go()

        assert sorted(api.run(work())) == [200, 503, 503]


def test_a_place_is_free_again_after_the_wait() -> None:
    slots = LongPollSlots(LongPollLimits(total=3, per_caller=1, canary=0))
    for _ in range(3):
        with slots.taken("a", "UA"), slots.taken("b", "UA"), slots.taken("c", "UA"):
            with pytest.raises(ProblemError, match=r"^429 "), slots.taken("a", "UA"):
                pass
            with pytest.raises(ProblemError, match=r"^503 "), slots.taken("d", "ZZ"):
                pass
