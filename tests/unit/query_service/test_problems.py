"""What callers are told when files or storage fail, and that nobody else suffers."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import google_crc32c
import pyarrow as pa
import pytest

from lakehouse.errors import StoreAccessDeniedError, StoreUnavailableError
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.table.file_cache import FileCache
from query_service.engine.database import Database, Query
from tests._support.api.in_process import serving
from tests._support.api.problems import problem
from tests._support.lakes.builder import LakeBuilder, event, parquet
from tests._support.lakes.stores import WatchedStore
from tests._support.lakes.two_months import FEBRUARY, JANUARY, raising, two_months
from tests._support.processes.full_disk import files_limited_to


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


def test_a_file_that_the_new_plan_still_names_is_a_problem() -> None:
    store = WatchedStore()
    lake = two_months(store)
    name = lake.snapshot.months["2013-01"][0].name
    store.delete(name)
    with serving(store) as api:
        assert name in problem(api.get(JANUARY), 503, "missing")["detail"]
        assert store.landing_listings == 2
        assert api.rows(FEBRUARY)[0]["flights"] == 1


@pytest.mark.parametrize(
    ("error", "kind", "detail"),
    [
        (StoreUnavailableError("secret"), "storage", "Storage does not answer at the moment."),
        (
            StoreAccessDeniedError("secret"),
            "storage-refused",
            "Storage denies this service access; its permissions or its LAKE_URL have to be corrected.",
        ),
    ],
)
def test_storage_that_fails_is_a_problem_and_no_old_answer(error: Exception, kind: str, detail: str) -> None:
    store = WatchedStore()
    two_months(store)
    with serving(store) as api:
        assert api.get(JANUARY).status_code == 200
        store.on_list = raising(error)
        answer = api.get(JANUARY)
        assert problem(answer, 503, kind)["detail"] == detail
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
    newer = snapshot.replace(b'"format_version": %d' % FORMAT_VERSION, b'"format_version": %d' % (FORMAT_VERSION + 1))
    lake.store.create("snapshots/00000000000000000002.json", newer)
    with serving(lake.store) as api:
        problem(api.get(JANUARY), 503, "format")


def test_a_query_that_needs_too_much_memory_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    async def out_of_memory(*_: Any) -> Any:
        raise duckdb.OutOfMemoryException("could not allocate block")

    monkeypatch.setattr(Database, "fetch", out_of_memory)
    with serving(two_months().store) as api:
        assert "allocate" not in problem(api.get(JANUARY), 503, "memory")["detail"]


def test_a_file_that_somebody_deleted_from_the_cache_folder_is_named(tmp_path: Any) -> None:
    lake = two_months()
    with serving(lake.store, cache_dir=tmp_path) as api:
        assert api.get(FEBRUARY).status_code == 200
        for path in (tmp_path / "files").iterdir():
            path.unlink()
        answer = api.get(FEBRUARY)
        if answer.status_code != 200:  # the cache may notice by itself
            assert lake.snapshot.months["2013-02"][0].name in problem(answer, 503, "missing")["detail"]
        assert api.get(JANUARY).status_code == 200


@pytest.mark.parametrize("taken", ["files", "spill", "merged_tail", "."])
def test_a_folder_that_a_cleaner_took_is_made_again(taken: str, tmp_path: Path) -> None:
    lake = two_months()
    with serving(lake.store, cache_dir=tmp_path / "cache", tail_cache_min_kb=0, result_cache_mb=0) as api:
        for day in range(3, 6):
            assert api.rows(JANUARY)[0]["flights"] == day - 1
            shutil.rmtree(tmp_path / "cache" / taken, ignore_errors=True)  # not made yet, at times
            assert api.rows(FEBRUARY)[0]["flights"] == 1
            assert api.get("/ready").status_code == 200
            lake.land(event(flight_date=date(2013, 1, day)))


def test_files_taken_while_a_query_reads_them_are_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = two_months()
    fetch, takings = Database.fetch, 1

    async def cleaned(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        nonlocal takings
        if takings > 0:
            takings -= 1
            shutil.rmtree(tmp_path / "cache")
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", cleaned)
    with serving(lake.store, cache_dir=tmp_path / "cache", result_cache_mb=0) as api:
        assert api.rows(JANUARY)[0]["flights"] == 2
        takings = 1000
        problem(api.get(JANUARY), 503, "local-cache")


def test_a_full_disk_is_its_own_problem_and_readiness_sees_it(tmp_path: Path) -> None:
    lake = two_months()
    with serving(lake.store, cache_dir=tmp_path, disk_check_s=0.0) as api:
        with files_limited_to(100):
            document = problem(api.get(JANUARY), 503, "local-cache")
            assert document["title"] == "Local cache unavailable"
            assert str(tmp_path) not in document["detail"]
            problem(api.get("/ready"), 503, "local-cache")
            page = api.get("/metrics").text
            assert "flights_api_local_disk_trouble 1.0" in page
            assert "flights_api_local_disk_errors_total 1.0" in page
        assert api.get("/ready").status_code == 200
        assert api.rows(JANUARY)[0]["flights"] == 2
        assert "flights_api_local_disk_trouble 0.0" in api.get("/metrics").text


def test_a_folder_that_cannot_be_written_is_seen_before_a_question_needs_it(tmp_path: Path) -> None:
    with serving(two_months().store, cache_dir=tmp_path, disk_check_s=0.0) as api:
        assert api.get("/ready").status_code == 200
        with files_limited_to(0):
            problem(api.get("/ready"), 503, "local-cache")
            assert "flights_api_local_disk_trouble 1.0" in api.get("/metrics").text
        assert api.get("/ready").status_code == 200
        assert "flights_api_local_disk_trouble 0.0" in api.get("/metrics").text


def test_too_many_open_files_are_not_told_as_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(FileCache, "_downloaded", refuse)
    with serving(two_months().store) as api:
        document = problem(api.get(JANUARY), 503, "local-cache")
        assert "as many files and connections open as it may" in document["detail"]


def test_a_query_that_finds_the_disk_full_is_asked_again_without_unused_files(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch, full = Database.fetch, [True]

    async def spilling(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        if full:
            full.pop()
            raise duckdb.IOException('IO Error: Could not write file "spill/duckdb_temp": No space left on device')
        return await fetch(self, query, admitted)

    with serving(two_months().store, result_cache_mb=0) as api:
        assert api.rows(FEBRUARY)
        monkeypatch.setattr(Database, "fetch", spilling)
        assert api.rows(JANUARY)[0]["flights"] == 2
        assert "flights_api_local_disk_errors_total 0.0" in api.get("/metrics").text


def test_a_query_that_cannot_spill_is_no_fault_of_the_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> pa.Table:
        raise duckdb.IOException('IO Error: Could not write file "spill/duckdb_temp": No space left on device')

    monkeypatch.setattr(Database, "fetch", full)
    with serving(two_months().store) as api:
        problem(api.get(JANUARY), 503, "local-cache")


def test_a_clock_that_jumps_an_hour_back_and_forth_costs_no_answer() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    lake = two_months()
    with serving(lake.store, now=lambda: moment, plan_max_age_s=1.0) as api:
        for flights, hours in enumerate((0, 1, -1, -1, 2), start=2):
            moment += timedelta(hours=hours)
            assert api.rows(JANUARY)[0]["flights"] == flights
            assert api.json("/v1/lake")["flights"] == flights + 1
            lake.land(event(flight_date=date(2013, 1, flights + 1)))
