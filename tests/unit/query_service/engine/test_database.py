"""The database: one query a core, each can be stopped, and the core is free only when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from query_service.engine.database import Database, Query
from query_service.observer import Observer

T = TypeVar("T")

FOREVER = Query("SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3")
ONE = Query("SELECT $value::BIGINT AS one", {"value": 1})


def with_database(folder: Path, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` with a database of one core."""

    async def run() -> T:
        with closing(Database(folder, 64, 1, Observer())) as database:
            return await work(database)

    return asyncio.run(run())


def nothing() -> None:
    return


def test_values_are_bound(tmp_path: Path) -> None:
    async def work(database: Database) -> Any:
        query = Query("SELECT $text AS text, $numbers AS numbers", {"text": "'; DROP--", "numbers": [1, 2]})
        return (await database.fetch(query, nothing)).to_pylist()

    assert with_database(tmp_path, work) == [{"text": "'; DROP--", "numbers": [1, 2]}]


def test_there_are_no_more_threads_than_queries_at_once_on_a_machine_with_more_cores(tmp_path: Path) -> None:
    async def work(database: Database) -> Any:
        return (await database.fetch(Query("SELECT current_setting('threads') AS threads"), nothing)).to_pylist()

    assert with_database(tmp_path, work) == [{"threads": 1}]


def test_settings_reach_every_query(tmp_path: Path) -> None:
    names = ("TimeZone", "parquet_metadata_cache", "autoinstall_known_extensions", "autoload_known_extensions")

    async def work(database: Database) -> Any:
        selected = ", ".join(f"current_setting('{name}')::VARCHAR AS {name}" for name in names)
        return (await database.fetch(Query(f"SELECT {selected}"), nothing)).to_pylist()[0]

    assert list(with_database(tmp_path, work).values()) == ["UTC", "true", "false", "false"]


def test_the_bytes_of_files_that_were_read_are_not_kept_in_memory(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": list(range(10_000))}), tmp_path / "file.parquet")
    read = Query(f"SELECT sum(number) AS total FROM read_parquet('{tmp_path / 'file.parquet'}')")
    kept = Query("SELECT memory_usage_bytes AS bytes FROM duckdb_memory() WHERE tag = 'EXTERNAL_FILE_CACHE'")

    async def work(database: Database) -> Any:
        total = (await database.fetch(read, nothing)).to_pylist()
        return [*total, *(await database.fetch(kept, nothing)).to_pylist()]

    assert with_database(tmp_path, work) == [{"total": 49_995_000}, {"bytes": 0}]


def test_a_query_stops_when_its_caller_leaves(tmp_path: Path) -> None:
    async def work(database: Database) -> int:
        running = asyncio.Event()
        forever = asyncio.create_task(database.fetch(FOREVER, running.set))
        await running.wait()
        waiting = asyncio.create_task(database.fetch(ONE, nothing))
        forever.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forever
        return int((await waiting).num_rows)  # it had to wait for the core

    assert with_database(tmp_path, work) == 1


def test_a_query_that_waits_can_leave_the_queue(tmp_path: Path) -> None:
    async def work(database: Database) -> int:
        running = asyncio.Event()
        forever = asyncio.create_task(database.fetch(FOREVER, running.set))
        await running.wait()
        admitted: list[int] = []
        queued = asyncio.create_task(database.fetch(ONE, lambda: admitted.append(1)))
        await asyncio.sleep(0)
        queued.cancel()
        forever.cancel()
        await asyncio.gather(queued, forever, return_exceptions=True)
        assert not admitted
        return int((await database.fetch(ONE, nothing)).num_rows)

    assert with_database(tmp_path, work) == 1


def test_who_is_not_admitted_gives_the_core_back(tmp_path: Path) -> None:
    def refuse() -> None:
        raise LookupError

    async def work(database: Database) -> int:
        for _ in range(3):
            with pytest.raises(LookupError):
                await database.fetch(ONE, refuse)
        return int((await database.fetch(ONE, nothing)).num_rows)

    assert with_database(tmp_path, work) == 1
