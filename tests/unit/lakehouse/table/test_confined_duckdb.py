"""DuckDB for services opens nothing but what it was given, and cannot be told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import lakehouse
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.latest_sql import quoted


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "it's inside"
    folder.mkdir()
    return folder


@pytest.fixture
def connection(inside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_confined([inside]) as confined:
        yield confined


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_text('/etc/passwd')",
        "FROM read_csv('/etc/passwd')",
        "FROM glob('/etc/*')",
        "FROM 'http://127.0.0.1:9/x.parquet'",
        "FROM read_parquet('OUTSIDE/x.parquet')",
        "FROM read_text('INSIDE/../secret')",
        "FROM read_text('INSIDE/link')",
        "ATTACH 'OUTSIDE/new.duckdb' AS other",
        "COPY (SELECT 1) TO 'OUTSIDE/new.csv'",
        "EXPORT DATABASE 'OUTSIDE/new'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD 'OUTSIDE/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET GLOBAL allowed_directories = ['/']",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET memory_limit = '1TB'",
        "PRAGMA threads = 64",
    ],
)
def test_what_lies_outside_is_refused(connection: duckdb.DuckDBPyConnection, inside: Path, statement: str) -> None:
    (inside.parent / "secret").write_text("secret")
    (inside / "link").symlink_to(inside.parent / "secret")
    before = sorted(inside.parent.iterdir())
    statement = statement.replace("OUTSIDE", str(inside.parent)).replace("INSIDE", str(inside).replace("'", "''"))
    with connection.cursor() as cursor, pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
        cursor.execute(statement).fetchall()
    assert sorted(inside.parent.iterdir()) == before


def test_files_inside_are_written_and_read(connection: duckdb.DuckDBPyConnection, inside: Path) -> None:
    path = quoted(str(inside / "x.parquet"))
    connection.execute(f"COPY (SELECT 1 AS day, 2 AS value) TO {path} (FORMAT parquet)")
    connection.execute(f"COPY (FROM {path}) TO {quoted(str(inside / 'parts'))} (FORMAT parquet, PARTITION_BY (day))")
    assert connection.execute(f"FROM read_parquet([{path}])").fetchall() == [(1, 2)]


def test_a_folder_behind_a_link_is_inside(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with connect_confined([tmp_path / "link"]) as connection:
        path = quoted(str(tmp_path / "link" / "x.parquet"))
        connection.execute(f"COPY (SELECT 1 AS one) TO {path} (FORMAT parquet)")
        assert connection.execute(f"FROM read_parquet([{path}])").fetchall() == [(1,)]


def test_no_service_opens_duckdb_in_another_way() -> None:
    root = Path(lakehouse.__file__).parents[1]
    packages = ("ingest_writer", "lakehouse", "local_cloud", "probe", "query_service")
    files = [path for package in packages for path in (root / package).rglob("*.py")]
    found = {str(path.relative_to(root)) for path in files if "duckdb.connect(" in path.read_text()}
    analysts = "lakehouse/client/connection.py"
    assert found == {"lakehouse/table/confined_duckdb.py", analysts}
