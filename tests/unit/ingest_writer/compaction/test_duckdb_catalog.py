"""The small database for analysts: in step with the latest snapshot, whoever publishes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest_writer.compaction.duckdb_catalog import build, publish_attachable, view_sql
from lakehouse import object_names
from lakehouse.errors import UnreadableError
from lakehouse.schema.event import COLUMNS
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY
from tests._support.compactors import START, MeddlingStore, compactor, latest
from tests._support.lakes import land, row
from tests._support.stores import WrappedStore


@pytest.fixture(params=["lake", "a lake's %20 folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / request.param)


def publish(store: Store, tmp_path: Path) -> bool:
    return publish_attachable(store, Planner(store, lambda: START), tmp_path)


def compact(store: Store, tmp_path: Path, *days: str, **fields: Any) -> None:
    for day in days:
        land(store, [row(day, **fields)])
    compactor(store, tmp_path / "scratch").compact()


def attached(store: Store, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    copy = tmp_path / "copy.duckdb"
    copy.unlink(missing_ok=True)
    store.download(object_names.ATTACHABLE, copy)
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{copy}' AS lake (READ_ONLY)")
    return connection


def days(store: Store, tmp_path: Path) -> list[str]:
    with attached(store, tmp_path) as connection:
        return [str(day) for (day,) in connection.execute("SELECT flight_date FROM lake.flights ORDER BY 1").fetchall()]


def test_the_view_has_the_flights_of_the_latest_snapshot(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    assert publish(store, tmp_path)
    assert days(store, tmp_path) == ["2013-01-01"]
    compact(store, tmp_path, "2013-02-01", "2013-02-02")
    assert publish(store, tmp_path)
    assert days(store, tmp_path) == ["2013-01-01", "2013-02-01", "2013-02-02"]
    with attached(store, tmp_path) as connection:
        assert connection.execute("SELECT number, lake FROM lake.snapshot").fetchall() == [(2, store.url)]
        assert [column for column, *_ in connection.execute("DESCRIBE lake.flights").fetchall()] == list(COLUMNS)


def test_probes_and_withdrawn_flights_are_not_in_the_view(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01", carrier="ZZ")
    compact(store, tmp_path, "2013-01-02", status="void")
    compact(store, tmp_path, "2013-01-03")
    publish(store, tmp_path)
    assert days(store, tmp_path) == ["2013-01-03"]


def test_an_empty_lake_has_an_empty_view(store: Store, tmp_path: Path) -> None:
    assert publish(store, tmp_path)
    assert days(store, tmp_path) == []


def test_one_that_is_right_is_not_written(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    publish(store, tmp_path)
    generation = store.generation(object_names.ATTACHABLE)
    assert not publish(store, tmp_path)
    assert store.generation(object_names.ATTACHABLE) == generation


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_one_that_somebody_damaged_is_corrected(store: Store, tmp_path: Path, damage: bytes) -> None:
    compact(store, tmp_path, "2013-01-01")
    assert store.replace(object_names.ATTACHABLE, damage, 0)
    assert publish(store, tmp_path)
    assert days(store, tmp_path) == ["2013-01-01"]


def test_a_publisher_that_read_an_older_snapshot_does_not_overwrite_a_newer_one(store: Store, tmp_path: Path) -> None:
    compact(store, tmp_path, "2013-01-01")
    publish(store, tmp_path)
    compact(store, tmp_path, "2013-02-01")
    slow = MeddlingStore(store)

    def overtake(_: str) -> None:
        compact(store, tmp_path, "2013-03-01")
        publish(store, tmp_path)

    slow.before("replace", object_names.ATTACHABLE, overtake)
    assert not publish(slow, tmp_path)
    assert days(store, tmp_path) == ["2013-01-01", "2013-02-01", "2013-03-01"]


def test_one_whose_bytes_are_damaged_is_written_anew(store: Store, tmp_path: Path) -> None:
    class Damaged(WrappedStore):
        def read(self, name: str) -> bytes:
            if name == object_names.ATTACHABLE:
                raise UnreadableError(name, "its crc32c is another")
            return super().read(name)

    compact(store, tmp_path, "2013-01-01")
    assert publish(store, tmp_path)
    assert publish(Damaged(store), tmp_path)
    assert days(store, tmp_path) == ["2013-01-01"]


def test_it_is_made_without_reading_a_single_month_file(tmp_path: Path) -> None:
    """The files of `gs://` are not there at all; what an analyst's DuckDB will open is in the view's text."""
    memory = MemoryStore()
    compact(memory, tmp_path, "2013-01-01", "2013-02-01")
    snapshot = latest(memory)
    build(tmp_path / "lake.duckdb", "gs://bucket", snapshot)
    with duckdb.connect(tmp_path / "lake.duckdb", read_only=True) as connection:
        text = connection.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'flights'").fetchone()
    assert text is not None
    for month in snapshot.months.values():
        assert f"'gs://bucket/{month.name}'" in text[0]
    assert (tmp_path / "lake.duckdb").stat().st_size < 100_000


def test_the_view_of_no_months_names_no_file() -> None:
    assert "read_parquet" not in view_sql("gs://bucket", EMPTY)


def test_a_foreign_one_is_replaced_and_never_opened(store: Store, tmp_path: Path) -> None:
    """What we would ask of it could be views of theirs, over whatever the compactor can read."""
    compact(store, tmp_path, "2013-01-01")
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(foreign) as database:
        for view, column in (("snapshot", "number"), ("flights", "flight_date")):
            database.execute(
                f"CREATE VIEW {view} AS SELECT 1 AS {column}, content AS flights_sql FROM read_text('{tmp_path}/*')"
            )
    connections: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        opened = duckdb.connect

        def connect(database: object = ":memory:", *arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
            connections.append(database)
            return opened(str(database), *arguments, **options)

        patch.setattr(duckdb, "connect", connect)
        assert store.replace(object_names.ATTACHABLE, foreign.read_bytes(), 0)
        assert publish(store, tmp_path)
    assert connections == [":memory:"]
    assert days(store, tmp_path) == ["2013-01-01"]


def test_a_huge_one_is_replaced_without_being_read(store: Store, tmp_path: Path) -> None:
    class Unread(WrappedStore):
        def read(self, name: str) -> bytes:
            assert name != object_names.ATTACHABLE
            return super().read(name)

    compact(store, tmp_path, "2013-01-01")
    assert store.replace(object_names.ATTACHABLE, bytes(10_000_000), 0)
    assert publish(Unread(store), tmp_path)
    assert days(store, tmp_path) == ["2013-01-01"]
