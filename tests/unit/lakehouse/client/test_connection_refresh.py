"""A connection shows newer data when it is asked to, downloads each file once, and lets nobody change its views."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

import lakehouse
from lakehouse import object_names
from lakehouse.client.connection import connect_store, refresh
from lakehouse.errors import CacheFullError, ConfigError, LakeError, SnapshotHistoryLostError, StoreUnavailableError
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from tests._support.lakes.rows import commit, land, put_month, row
from tests._support.lakes.stores import SpyStore

Connection = duckdb.DuckDBPyConnection
Connect = Callable[[Store], Connection]


@pytest.fixture
def connect(now: Callable[[], dt.datetime], cache_dir: Path) -> Connect:
    return lambda store: connect_store(store, now, cache_dir, 1 << 20)


def _numbers(connection: Connection, view: str = "flights") -> list[int]:
    return [n for (n,) in connection.execute(f"SELECT flight_number FROM {view} ORDER BY ALL").fetchall()]


def _files(folder: Path) -> int:
    return len(list((folder / "caches").glob("sessions/*/files/*")))


def test_what_landed_is_seen_after_a_refresh_and_not_before(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    land(memory, [row(number=2), row(number=3, carrier="ZZ")])
    land(memory, [row(number=1, event_time="2013-01-01 13:00", status="void")])
    assert (_numbers(connection), _numbers(connection, "landing"), _numbers(connection, "probes")) == ([1], [1], [])
    assert refresh(connection) is True
    assert _numbers(connection) == [2]
    assert _numbers(connection, "landing") == [1, 1, 2]
    assert _numbers(connection, "probes") == [3]


def test_a_refresh_of_an_unchanged_lake_changes_nothing(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    assert refresh(connection) is False
    assert _numbers(connection) == [1]


def test_a_merge_changes_where_the_rows_come_from_and_not_the_rows(memory: MemoryStore, connect: Connect) -> None:
    landed = land(memory, [row(number=1)])
    connection = connect(memory)
    commit(memory, 1, [put_month(memory, [row(number=1)], 1)], absorbed=[landed])
    memory.delete(landed)
    assert refresh(connection) is True
    assert _numbers(connection) == [1]
    assert _numbers(connection, "landing") == []


def test_each_file_is_downloaded_once(memory: MemoryStore, connect: Connect) -> None:
    entry = put_month(memory, [row(number=1)], 1)
    commit(memory, 1, [entry])
    downloaded = [entry.name, land(memory, [row(number=2)])]
    spy = SpyStore(memory)
    connection = connect(spy)
    for number in (3, 4):
        downloaded.append(land(memory, [row(number=number)]))
        refresh(connection)
    assert _numbers(connection) == [1, 2, 3, 4]
    assert [spy.count("download", name) for name in downloaded] == [1] * 4


@pytest.mark.parametrize(("step_s", "kept"), [(100, 8), (601, 2)])
def test_files_of_a_replaced_plan_go_after_ten_minutes_the_last_ones_stay(
    memory: MemoryStore, tmp_path: Path, step_s: int, kept: int
) -> None:
    """Ten plans with a month file each, `step_s` apart: at 100 s, two were replaced 700 s ago or more."""
    times = (dt.datetime(2013, 2, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n * step_s) for n in itertools.count())
    commit(memory, 1, [put_month(memory, [row(number=1)], 1)])
    connection = connect_store(memory, lambda: next(times), tmp_path / "caches", 1 << 20)
    for number in range(2, 11):
        commit(memory, number, [put_month(memory, [row(number=number)], number, number - 1)])
        refresh(connection)
    assert _files(tmp_path) == kept
    assert len(list((tmp_path / "caches").glob("sessions/*/plan-*"))) == kept
    assert _numbers(connection) == [10]


def test_cursors_and_relations_follow_and_temporary_tables_stay(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    cursor = connection.cursor()
    relation = connection.sql("SELECT flight_number FROM flights ORDER BY ALL")
    connection.execute("CREATE TEMP TABLE mine AS SELECT flight_number FROM flights")
    land(memory, [row(number=2)])
    refresh(connection)
    assert _numbers(cursor) == _numbers(connection.cursor()) == [1, 2]
    assert relation.fetchall() == [(1,), (2,)]
    assert _numbers(connection, "mine") == [1]


def test_an_answer_that_is_being_read_goes_on_with_what_it_began_with(
    memory: MemoryStore, connect: Connect, tmp_path: Path
) -> None:
    """More rows than are computed ahead, so that the files are still being read after the refresh."""
    absorbed = [land(memory, [row(number=number)]) for number in range(1, 4)]
    connection = connect(memory)
    answer = connection.execute("SELECT flight_number FROM flights, range(1_000_000) ORDER BY 1")
    seen = [answer.fetchone()]
    commit(memory, 1, [put_month(memory, [row(number=9)], 1)], absorbed=absorbed)
    for name in absorbed:
        memory.delete(name)
    refresh(connection)
    rest = answer.fetchall()
    assert (seen[0], rest[-1], len(rest)) == ((1,), (3,), 2_999_999)
    assert _numbers(connection) == [9]


def test_a_transaction_goes_on_with_what_it_began_with(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    connection.execute("BEGIN")
    assert _numbers(connection) == [1]
    land(memory, [row(number=2)])
    refresh(connection)
    assert _numbers(connection) == [1]
    connection.execute("COMMIT")
    assert _numbers(connection) == [1, 2]


def test_an_old_snapshot_stays_as_it_is_and_storage_is_not_asked(
    memory: MemoryStore, now: Callable[[], dt.datetime], tmp_path: Path
) -> None:
    commit(memory, 1, [put_month(memory, [row(number=1)], 1)])
    spy = SpyStore(memory)
    connection = connect_store(spy, now, tmp_path, 1 << 20, snapshot=1)
    commit(memory, 2, [put_month(memory, [row(number=2)], 2)])
    land(memory, [row(number=3)])
    spy.calls.clear()
    assert refresh(connection) is False
    assert spy.calls == []
    assert _numbers(connection) == [1]


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), CacheFullError("full")])
def test_a_refresh_that_fails_leaves_the_views_as_they_are_and_can_be_repeated(
    memory: MemoryStore, connect: Connect, tmp_path: Path, error: LakeError
) -> None:
    land(memory, [row(number=1)])
    failing: list[str] = []

    def fail(call: str, name: str) -> None:
        if call == "download" and name in failing:
            raise error

    connection = connect(SpyStore(memory, before=fail))
    failing.append(land(memory, [row(number=2)]))
    land(memory, [row(number=3)])
    for _ in range(2):
        with pytest.raises(type(error)):
            refresh(connection)
        assert _numbers(connection) == [1]
    failing.clear()
    assert refresh(connection) is True
    assert _numbers(connection) == [1, 2, 3]


def test_files_that_do_not_fit_next_to_those_in_use_fail_and_the_views_stay(
    memory: MemoryStore, now: Callable[[], dt.datetime], tmp_path: Path
) -> None:
    size = len(memory.read(land(memory, [row(number=1)])))
    connection = connect_store(memory, now, tmp_path, size + size // 2)
    land(memory, [row(number=2)])
    with pytest.raises(CacheFullError):
        refresh(connection)
    assert _numbers(connection) == [1]


def test_a_lake_that_lost_its_snapshots_is_an_error(memory: MemoryStore, connect: Connect) -> None:
    commit(memory, 1, [put_month(memory, [row(number=1)], 1)])
    connection = connect(memory)
    memory.delete(object_names.snapshot(1))
    with pytest.raises(SnapshotHistoryLostError):
        refresh(connection)
    assert _numbers(connection) == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW flights",
        "CREATE OR REPLACE VIEW flights AS SELECT 1 AS flight_number",
        "ALTER VIEW flights RENAME TO others",
        "DROP VIEW plan.flights",
        "CREATE TABLE mine (i INTEGER)",
    ],
)
def test_a_statement_that_would_change_the_views_is_refused(
    memory: MemoryStore, connect: Connect, statement: str
) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute(statement)
    assert _numbers(connection) == [1]


def test_rows_cannot_be_changed(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    for statement in ("DELETE FROM flights", "UPDATE flights SET origin = 'JFK'", "INSERT INTO flights FROM flights"):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)
    assert _numbers(connection) == [1]


def test_a_database_of_the_caller_can_be_attached_and_written(memory: MemoryStore, connect: Connect) -> None:
    land(memory, [row(number=1)])
    connection = connect(memory)
    connection.execute("ATTACH ':memory:' AS mine (READ_WRITE); CREATE TABLE mine.t AS FROM flights")
    assert _numbers(connection, "mine.t") == [1]


def test_a_connection_that_is_not_of_connect_is_refused(memory: MemoryStore, connect: Connect) -> None:
    with duckdb.connect() as other, pytest.raises(ConfigError, match=r"lakehouse\.connect"):
        refresh(other)
    with pytest.raises(ConfigError, match="cursor"):
        refresh(connect(memory).cursor())


def test_a_closed_connection_is_not_refreshed(memory: MemoryStore, connect: Connect) -> None:
    spy = SpyStore(memory)
    connection = connect(spy)
    connection.close()
    spy.calls.clear()
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        refresh(connection)
    assert spy.calls == []


def test_the_public_refresh_renews_the_public_connect(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row(number=1)])
    connection = lakehouse.connect(store.url, cache_dir=tmp_path / "caches")
    land(store, [row(number=2)])
    assert lakehouse.refresh(connection) is True
    assert lakehouse.refresh(connection) is False
    assert _numbers(connection) == [1, 2]


def test_queries_of_other_threads_see_one_state_or_the_next_while_refreshes_go_on(
    memory: MemoryStore, connect: Connect
) -> None:
    """Each state has one flight more."""
    land(memory, [row(number=1)])
    connection = connect(memory)
    stop = threading.Event()

    def ask() -> list[tuple[int, int]]:
        seen = []
        with connection.cursor() as cursor:
            while not stop.is_set():
                seen += cursor.execute("SELECT count(*), max(flight_number) FROM flights").fetchall()
        return seen

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        for number in range(2, 22):
            land(memory, [row(number=number)])
            land(memory, [row(number=number)])
            refresh(connection)
        stop.set()
        for future in asked:
            seen = future.result(60)
            assert seen == sorted((number, number) for number, _ in seen)
    assert len(_numbers(connection)) == 21
