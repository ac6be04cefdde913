"""What callers are told when files, storage or time fail, and that nobody else suffers."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import google_crc32c
import httpx
import pyarrow as pa
import pytest

from lakehouse.errors import StoreAccessDeniedError, StoreUnavailableError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from tests._support.api import serving
from tests._support.lake_builder import LakeBuilder, event, parquet
from tests._support.observed_store import Gate, WatchedStore

JANUARY = "/v1/stats?date_to=2013-01-31"
FEBRUARY = "/v1/stats?date_from=2013-02-01"


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:flights-lakehouse:problem:{kind}"
    return document


def raising(error: Exception) -> Callable[[str], None]:
    def hook(_: str) -> None:
        raise error

    return hook


def two_months(store: MemoryStore | None = None) -> LakeBuilder:
    """A flight of January 1st and one of February 1st, merged; one more of January 2nd in the tail."""
    lake = LakeBuilder(store or MemoryStore())
    lake.land(event(), event(flight_date=date(2013, 2, 1)))
    lake.merge()
    lake.land(event(flight_date=date(2013, 1, 2)))
    return lake


def test_an_unreadable_tail_file_fails_questions_about_its_date_only() -> None:
    lake = two_months()
    name = lake.land_bytes(date(2013, 1, 2), b"not Parquet")
    with serving(lake.store) as api:
        for path in (JANUARY, "/v1/flights", "/v1/flights/2013-01-02-UA-1545-EWR"):
            assert name in problem(api.get(path), 503, "unreadable")["detail"]
        assert api.rows(FEBRUARY)[0]["flights"] == 1
        assert api.rows("/v1/stats?date_to=2013-01-01")[0]["flights"] == 1
        assert api.get("/v1/flights/2013-01-01-UA-1545-EWR").status_code == 200
        lake.store.delete(name)
        assert api.rows(JANUARY)[0]["flights"] == 2


def replaced_month(lake: LakeBuilder, data: bytes, checksum_of: bytes) -> str:
    """February's month file becomes `data` under a new name; the name."""
    entry = lake.month_file("2013-02", data)
    entry = dataclasses.replace(entry, crc32c=google_crc32c.value(checksum_of))
    lake.commit({**lake.snapshot.months, "2013-02": entry}, lake.snapshot.absorbed)
    return entry.name


def test_a_month_file_with_wrong_bytes_fails_questions_about_its_month_only() -> None:
    lake = two_months()
    good = parquet(lake.merged_rows["2013-02"])
    name = replaced_month(lake, good[:-20] + b"x" + good[-19:], checksum_of=good)
    with serving(lake.store) as api:
        assert name in problem(api.get(FEBRUARY), 503, "unreadable")["detail"]
        assert api.rows(JANUARY)[0]["flights"] == 2
        assert [entry["name"] for entry in api.json("/v1/lake")["unreadable"]] == [name]


def test_a_month_file_that_was_written_broken_is_named_too() -> None:
    """Its checksum is right and so is its footer: only reading its pages shows it."""
    lake = two_months()
    good = parquet(lake.merged_rows["2013-02"])
    broken = good[:4] + bytes(400) + good[404:]
    name = replaced_month(lake, broken, checksum_of=broken)
    with serving(lake.store) as api:
        detail = problem(api.get(FEBRUARY), 503, "unreadable")["detail"]
        assert detail == f"{name} is needed for this answer and cannot be read: its pages cannot be decoded."
        assert api.rows(JANUARY)[0]["flights"] == 2
        found = api.json("/v1/lake")
    assert [entry["name"] for entry in found["unreadable"]] == [name]
    assert found["flights"] == 2


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


def test_a_file_that_the_new_plan_still_names_is_a_problem() -> None:
    store = WatchedStore()
    lake = two_months(store)
    name = lake.snapshot.months["2013-01"].name
    store.delete(name)
    with serving(store) as api:
        assert name in problem(api.get(JANUARY), 503, "missing")["detail"]
        assert store.landing_listings == 2
        assert api.rows(FEBRUARY)[0]["flights"] == 1


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


@pytest.mark.parametrize(
    ("error", "kind"),
    [(StoreUnavailableError("secret"), "storage"), (StoreAccessDeniedError("secret"), "storage-refused")],
)
def test_storage_that_fails_is_a_problem_and_no_old_answer(error: Exception, kind: str) -> None:
    store = WatchedStore()
    two_months(store)
    with serving(store) as api:
        assert api.get(JANUARY).status_code == 200
        store.on_list = raising(error)
        answer = api.get(JANUARY)
        problem(answer, 503, kind)
        assert "secret" not in answer.text
        assert api.get("/health").status_code == 200
        store.on_list = lambda _: None
        assert api.get(JANUARY).status_code == 200
        store.on_download = raising(error)
        problem(api.get("/v1/stats"), 503, kind)
    assert kind != "storage" or "Retry-After" in answer.headers


def test_snapshots_that_went_away_are_a_problem() -> None:
    lake = two_months()
    with serving(lake.store) as api:
        assert api.get(JANUARY).status_code == 200
        lake.store.delete("snapshots/00000000000000000001.json")
        problem(api.get(JANUARY), 503, "line-broken")


def test_a_newer_format_is_a_problem() -> None:
    lake = two_months()
    snapshot = lake.store.read("snapshots/00000000000000000001.json")
    newer = snapshot.replace(b'"format_version": 1', f'"format_version": {FORMAT_VERSION + 1}'.encode())
    lake.store.create("snapshots/00000000000000000002.json", newer)
    with serving(lake.store) as api:
        problem(api.get(JANUARY), 503, "format")


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


def test_files_of_answers_that_were_given_up_do_not_fill_the_cache() -> None:
    store, gate = WatchedStore(), Gate()
    lake = two_months(store)
    months = {name: dataclasses.replace(entry, size=700_000) for name, entry in lake.snapshot.months.items()}
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


def scope(url: str) -> dict[str, Any]:
    path, _, query = url.partition("?")
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "root_path": "",
    }


def test_a_request_that_is_cancelled_because_the_process_ends_is_told_so() -> None:
    store, gate = WatchedStore(), Gate()
    two_months(store)
    store.on_download = gate
    with serving(store) as api:

        async def end() -> list[Any]:
            sent: list[Any] = []

            async def receive() -> Any:
                return await asyncio.Event().wait()

            async def send(message: Any) -> None:
                sent.append(message)

            request = asyncio.create_task(api.app(scope(JANUARY), receive, send))
            await asyncio.to_thread(gate.wait_until_reached)
            request.cancel()
            await request
            return sent

        start, body = api.run(end())
        gate.open()
    assert start["status"] == 503
    assert b"stopping" in body["body"]


def test_a_query_that_needs_too_much_memory_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    async def out_of_memory(*_: Any) -> Any:
        raise duckdb.OutOfMemoryException("could not allocate block")

    monkeypatch.setattr(Database, "fetch", out_of_memory)
    with serving(two_months().store) as api:
        assert "allocate" not in problem(api.get(JANUARY), 503, "memory")["detail"]


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


def test_dates_with_more_data_than_the_cache_holds_are_the_callers_problem() -> None:
    lake = two_months()
    entry = dataclasses.replace(lake.snapshot.months["2013-02"], size=2_000_000)
    lake.commit({**lake.snapshot.months, "2013-02": entry}, lake.snapshot.absorbed)
    with serving(lake.store, file_cache_mb=1) as api:
        assert "date_from" in problem(api.get(FEBRUARY), 422, "too-many-dates")["detail"]
        assert api.get(JANUARY).status_code == 200


def test_room_that_others_use_is_a_reason_to_try_again() -> None:
    store, gate = WatchedStore(), Gate()
    lake = two_months(store)
    months = {name: dataclasses.replace(entry, size=700_000) for name, entry in lake.snapshot.months.items()}
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


def test_what_nobody_expected_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    store = WatchedStore()
    two_months(store)
    store.on_download = raising(RuntimeError("the secret reason"))
    with serving(store) as api, caplog.at_level(logging.ERROR):
        answer = api.get(JANUARY)
        document = problem(answer, 500, "unexpected")
    assert document["title"] == "Unexpected error"
    assert "secret" not in answer.text
    assert "the secret reason" in caplog.text
    assert "Traceback" in caplog.text


def test_a_file_that_somebody_deleted_from_the_cache_folder_is_named(tmp_path: Any) -> None:
    lake = two_months()
    with serving(lake.store, cache_dir=tmp_path) as api:
        assert api.get(FEBRUARY).status_code == 200
        for path in (tmp_path / "files").iterdir():
            path.unlink()
        answer = api.get(FEBRUARY)
        if answer.status_code != 200:  # the cache may notice by itself
            assert lake.snapshot.months["2013-02"].name in problem(answer, 503, "missing")["detail"]
        assert api.get(JANUARY).status_code == 200
