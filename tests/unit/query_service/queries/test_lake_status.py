"""/v1/lake: what is there, also when some of it cannot be read."""

from __future__ import annotations

import asyncio
import random
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse import object_names
from lakehouse.errors import StoreUnavailableError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.memory import MemoryStore
from query_service.engine.executor import QueryContext
from query_service.queries import inventory
from query_service.queries.lake_status import LakeStatus, LakeStatusService
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import T0, LakeBuilder, event, parquet
from tests._support.lakes.stores import Gate, WatchedStore
from tests._support.oracles import stats_oracle


def z(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")


def test_an_empty_lake_is_a_lake() -> None:
    with serving(MemoryStore()) as api:
        lake = api.json("/v1/lake")
    assert lake.pop("listed_at").endswith("Z")
    assert lake == {
        "snapshot": 0,
        "flights": 0,
        "months": [],
        "tail": {"files": 0, "rows": 0},
        "newest_event_time": None,
        "newest_publish_time": None,
        "rejected": {"files": 0, "rows": 0, "bytes": 0},
        "unreadable": [],
        "foreign": 0,
    }


@pytest.mark.parametrize("merges", [(), (0,), (0, 1), (0, 1, 2)])
def test_counts_visible_flights_whatever_is_merged(merges: tuple[int, ...]) -> None:
    events = stats_oracle.random_events(random.Random(7), 300)
    lake = LakeBuilder(MemoryStore())
    for part in range(3):
        lake.land(*events[part::3])
        if part in merges:
            lake.merge()
    wanted = stats_oracle.matching(events, {}, None, None)
    with serving(lake.store) as api:
        for _ in range(2):  # the second time from what is remembered
            found = api.json("/v1/lake")
            assert found["flights"] == len(wanted) == api.rows("/v1/stats")[0]["flights"]
            assert found["newest_event_time"] == z(max(row["event_time"] for row in wanted))
            assert found["newest_publish_time"] == z(max(row["publish_time"] for row in wanted))
            assert found["snapshot"] == len(merges)
            tail = [name for name in lake.landed if name not in lake.snapshot.absorbed]
            assert found["tail"] == {"files": len(tail), "rows": sum(len(lake.landed[name]) for name in tail)}
            assert found["months"] == [
                {"month": m, "rows": lake.snapshot.month(m).rows, "bytes": lake.snapshot.month(m).size}
                for m in lake.snapshot.month_names
            ]


def test_follows_a_month_that_is_merged_again() -> None:
    lake = LakeBuilder(MemoryStore())
    with serving(lake.store) as api:
        for count in range(1, 4):
            lake.land(event(flight_number=count))
            assert api.json("/v1/lake")["flights"] == count
            lake.merge(collect=True)
            assert api.json("/v1/lake")["flights"] == count


def test_a_date_whose_only_flight_is_withdrawn_counts_nothing() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 1, 2)))
    lake.merge()
    with serving(lake.store) as api:
        assert api.json("/v1/lake")["flights"] == 2
        lake.land(event(status="void", event_time=T0 + timedelta(1)))
        assert api.json("/v1/lake")["flights"] == 1


def test_names_what_cannot_be_read_and_counts_the_rest() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 2, 1)))
    lake.merge()
    broken_month = lake.snapshot.months["2013-02"][0].name
    lake.store.delete(broken_month)
    lake.store.create(broken_month, b"not the file that the snapshot means")
    lake.land(event(flight_number=2), event(flight_date=date(2013, 3, 1)))
    garbage = lake.land_bytes(date(2013, 1, 1), b"not Parquet")
    other_day = lake.land_bytes(date(2013, 3, 1), lake.store.read(next(iter(lake.landed))))
    with serving(lake.store) as api:
        found = api.json("/v1/lake")
    assert found["flights"] == 3
    assert found["tail"] == {"files": 4, "rows": 2}
    assert [entry["name"] for entry in found["unreadable"]] == sorted([broken_month, garbage, other_day])
    assert [entry["why"] for entry in found["unreadable"]] == [
        found["unreadable"][0]["why"],
        "not a whole Parquet file",
        "has rows of another flight_date than 2013-03-01",
    ]
    assert "crc32c" in found["unreadable"][0]["why"]


def test_objects_that_are_not_ours_are_counted() -> None:
    store = MemoryStore()
    ours = (object_names.delta_commit(0), object_names.ICEBERG_HINT)
    unrecognized = (
        "landing/notes.txt",
        "flights/x.parquet",
        "snapshots/1.json",
        "rejected/date=2013-01-01/a",
        "README",
    )
    for name in (*ours, *unrecognized):
        store.create(name, b"hello")
    with serving(store) as api:
        assert api.json("/v1/lake")["foreign"] == len(unrecognized)


def test_a_landed_file_of_a_newer_format_is_named_and_the_rest_is_counted() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    written = pq.ParquetFile(pa.BufferReader(parquet([event()]))).read()
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, written.schema) as writer:
        writer.write_table(written)
        writer.add_key_value_metadata({"format_version": str(FORMAT_VERSION + 1)})
    newer = lake.land_bytes(date(2013, 5, 1), out.getvalue().to_pybytes())
    with serving(lake.store) as api:
        found = api.json("/v1/lake")
        assert found["unreadable"] == [{"name": newer, "why": "was written in a newer format than this service knows"}]
        assert found["flights"] == 1
        response = api.get("/v1/stats?date_from=2013-05-01&date_to=2013-05-01")
        assert response.status_code == 503
        assert newer in response.json()["detail"]


def test_rejected_rows_are_counted() -> None:
    lake = LakeBuilder(MemoryStore())
    names = [lake.reject(3), lake.reject(4)]
    with serving(lake.store) as api:
        size = sum(len(lake.store.read(name)) for name in names)
        assert api.json("/v1/lake")["rejected"] == {"files": 2, "rows": 7, "bytes": size}
        names.append(lake.reject(1))
        assert api.json("/v1/lake")["rejected"]["rows"] == 8
        for name in names[:2]:
            lake.store.delete(name)
        assert api.json("/v1/lake")["rejected"]["rows"] == 1


def test_rejected_rows_are_unknown_until_every_file_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_READS_A_TIME", 2)  # fewer than there are
    lake = LakeBuilder(MemoryStore())
    for _ in range(5):
        lake.reject(2)
    with serving(lake.store) as api:
        assert [api.json("/v1/lake")["rejected"]["rows"] for _ in range(4)] == [None, None, 10, 10]


def test_a_rejected_file_that_cannot_be_read_is_named() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.reject(2)
    name = "rejected/date=2013-01-01/" + "f" * 32 + ".parquet"
    lake.store.create(name, b"not Parquet")
    with serving(lake.store) as api:
        found = api.json("/v1/lake")
    assert (found["rejected"]["files"], found["rejected"]["rows"]) == (2, 2)
    assert found["unreadable"] == [{"name": name, "why": "not a whole Parquet file"}]


def test_probes_do_not_count() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="ZZ", event_time=T0 + timedelta(1), publish_time=T0 + timedelta(1)))
    with serving(lake.store) as api:
        found = api.json("/v1/lake")
    assert (found["flights"], found["newest_event_time"], found["newest_publish_time"]) == (1, z(T0), z(T0))


def test_health_asks_nobody_and_ready_needs_a_listing() -> None:
    store = WatchedStore()

    def fail(_: str) -> None:
        raise StoreUnavailableError("down")

    store.on_list = fail
    with serving(store) as api:
        assert api.get("/health").status_code == 200
        assert store.landing_listings == 0
        assert api.get("/ready").status_code == 503
        store.on_list = lambda _: None
        assert api.get("/ready").status_code == 200
        before = store.landing_listings
        assert api.get("/ready").status_code == 200  # lately is enough
        assert store.landing_listings == before


def _queries(api: Api) -> float:
    page = api.get("/metrics").text
    return float(page.partition("flights_api_query_seconds_count ")[2].partition("\n")[0])


def test_all_who_ask_at_once_share_one_look() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 2, 1)))
    with serving(lake.store, plan_max_age_s=60.0) as api:

        async def many(count: int) -> list[Any]:
            return await asyncio.gather(*(api.client.get("/v1/lake") for _ in range(count)))

        answers = api.run(many(20))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert {answer.json()["flights"] for answer in answers} == {2}
        alone = _queries(api)
        api.run(many(20))  # their plan is as old as it may be
        assert _queries(api) == alone
    with serving(lake.store, plan_max_age_s=60.0) as api:
        assert api.run(many(1))[0].json()["flights"] == 2
        assert _queries(api) == alone


class SlowLooks:
    """Counts looks, which wait until the gate is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.running = asyncio.Event()
        self.gate = asyncio.Event()
        months = LakeStatusService._months

        async def slow(service: LakeStatusService, view: QueryContext) -> Any:
            self.count += 1
            self.running.set()
            await self.gate.wait()
            return await months(service, view)

        monkeypatch.setattr(LakeStatusService, "_months", slow)


def test_a_look_longer_than_a_plan_age_answers_all_who_came_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    looks = SlowLooks(monkeypatch)
    with serving(lake.store, plan_max_age_s=0.05, lake_max_age_s=60.0, queue_limit=10_000) as api:

        async def ask() -> list[int]:
            asking = [asyncio.create_task(api.client.get("/v1/lake"))]
            await looks.running.wait()
            until = asyncio.get_running_loop().time() + 0.5  # ten plan ages
            while asyncio.get_running_loop().time() < until:
                asking.append(asyncio.create_task(api.client.get("/v1/lake")))
                await api.client.get("/v1/stats")  # others make new plans all the time
            looks.gate.set()
            late = await api.client.get("/v1/lake")
            answers = [*await asyncio.gather(*asking), late, await api.client.get("/v1/lake")]
            return [answer.status_code for answer in answers]

        assert set(api.run(ask())) == {200}
    assert looks.count == 1


def test_one_slow_look_hides_what_comes_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look of a service is a slow one: it may not be what everybody sees for half a minute."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    looks = SlowLooks(monkeypatch)
    with serving(lake.store, plan_max_age_s=0.02, lake_max_age_s=60.0) as api:

        async def ask() -> int:
            first = asyncio.create_task(api.client.get("/v1/lake"))
            await looks.running.wait()
            loop = asyncio.get_running_loop()
            until = loop.time() + 0.1  # five plan ages: slow
            while loop.time() < until:
                await api.client.get("/health")
            looks.gate.set()
            assert (await first).json()["flights"] == 1
            lake.land(event(flight_number=2))
            deadline, flights = loop.time() + 20, 1
            while flights == 1 and loop.time() < deadline:
                flights = (await api.client.get("/v1/lake")).json()["flights"]
            return flights

        assert api.run(ask()) == 2


def test_what_was_found_too_long_ago_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    looks = SlowLooks(monkeypatch)
    looks.gate.set()
    with serving(lake.store, plan_max_age_s=0.0, lake_max_age_s=0.0) as api:
        assert api.json("/v1/lake")["flights"] == 1
        lake.land(event(flight_number=2))
        assert api.json("/v1/lake")["flights"] == 2
    assert looks.count == 2


def test_who_joins_a_look_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    looks = SlowLooks(monkeypatch)
    with serving(lake.store, plan_max_age_s=60.0, query_timeout_s=1.0) as api:

        async def ask() -> tuple[int, int]:
            first = asyncio.create_task(api.client.get("/v1/lake"))
            await looks.running.wait()
            loop = asyncio.get_running_loop()
            until = loop.time() + 0.5
            while loop.time() < until:
                await api.client.get("/health")
            second = asyncio.create_task(api.client.get("/v1/lake"))
            one = (await first).status_code  # its look ended with its time
            looks.gate.set()
            return one, (await second).status_code

        assert api.run(ask()) == (504, 200)
    assert looks.count == 2


def test_a_look_goes_on_for_others_when_its_first_caller_leaves() -> None:
    lake = LakeBuilder(WatchedStore())
    lake.land(event())
    gate = Gate()
    assert isinstance(lake.store, WatchedStore)
    lake.store.on_download = gate
    with serving(lake.store, plan_max_age_s=60.0) as api:
        service = api.app.state.services

        async def leave() -> tuple[LakeStatus, bool]:
            first = asyncio.create_task(service.lake.find())
            await asyncio.to_thread(gate.wait_until_reached)
            second = asyncio.create_task(service.lake.find())
            while service.lake._refresh.waiting < 2:  # noqa: ASYNC110  # yields, and waits for no time
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait({first})
            gate.open()
            return await second, first.cancelled()

        lake_status, is_cancelled = api.run(leave())
    assert (lake_status.totals.flights, is_cancelled) == (1, True)


def test_a_look_ends_with_the_last_who_wants_it_and_a_new_one_begins() -> None:
    lake = LakeBuilder(WatchedStore())
    lake.land(event())
    gate = Gate()
    assert isinstance(lake.store, WatchedStore)
    lake.store.on_download = gate
    with serving(lake.store, plan_max_age_s=60.0) as api:
        service = api.app.state.services

        async def leave() -> tuple[LakeStatus, bool]:
            first = asyncio.create_task(service.lake.find())
            await asyncio.to_thread(gate.wait_until_reached)
            look = service.lake._refresh.task
            first.cancel()
            second = asyncio.create_task(service.lake.find())
            await asyncio.wait({first, look})
            gate.open()
            return await second, look.cancelled()

        lake_status, is_cancelled = api.run(leave())
    assert (lake_status.totals.flights, is_cancelled) == (1, True)
