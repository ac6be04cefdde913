"""Files of an older format, as the code that added a column reads them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from lakehouse.errors import FormatTooNewError, UnreadableError
from lakehouse.schema import versions
from lakehouse.schema.event import COLUMNS, EVENT_SCHEMA, FIELDS, FORMAT_VERSION, REQUIRED
from lakehouse.schema.versions import ADDED, local_name, schema_of
from lakehouse.table import latest_sql, parquet_files
from lakehouse.table.latest_sql import format_of, read_files
from lakehouse.table.parquet_files import FooterInfo, check_month_file, contents
from tests._support.lakes.rows import raw_parquet, row, table

WITHOUT = pa.schema([field for field in EVENT_SCHEMA if field.name != "distance_km"])

FILES_BY_DATE = 2
"""The format that changed the files of a month and none of its columns."""


@pytest.fixture
def second_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `distance_km` had come with format 2."""
    monkeypatch.setattr(versions, "ADDED", {2: ("distance_km",)})
    for module in (versions, latest_sql, parquet_files):
        monkeypatch.setattr(module, "FORMAT_VERSION", 2)


def test_this_format_has_all_columns_and_only_columns_that_may_be_null_were_added() -> None:
    assert schema_of(FORMAT_VERSION) == EVENT_SCHEMA
    added = [column for columns in ADDED.values() for column in columns]
    assert len(set(added)) == len(added)
    assert set(added) <= set(COLUMNS) - set(REQUIRED)
    assert [version for version, columns in ADDED.items() if not columns] == [FILES_BY_DATE], "adds nothing"
    assert {field.since_format for field in FIELDS} == set(range(1, FORMAT_VERSION + 1)) - {FILES_BY_DATE}


@pytest.mark.usefixtures("second_format")
def test_an_older_format_has_the_columns_of_its_time() -> None:
    assert schema_of(1) == WITHOUT
    assert schema_of(2) == EVENT_SCHEMA


def test_a_local_file_says_its_format_in_its_name(tmp_path: Path) -> None:
    assert format_of(tmp_path / local_name("0a1b", 7)) == 7
    assert format_of(tmp_path / "merged.parquet") == FORMAT_VERSION


@pytest.mark.usefixtures("second_format")
def test_files_of_several_formats_are_one_relation_with_nulls_for_new_columns(tmp_path: Path) -> None:
    rows = [row(number=1, distance_km=7), row(number=2, distance_km=8)]
    old = raw_parquet(tmp_path / local_name("old", 1), table(rows[:1]).select(WITHOUT.names), "1")
    new = raw_parquet(tmp_path / local_name("new", 2), table(rows[1:]), "2")
    expected = table([{**rows[0], "distance_km": None}, rows[1]])
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        for files in ([old, new], [new, old]):
            found = database.execute(f"SELECT * FROM {read_files(files)} ORDER BY flight_number").to_arrow_table()
            assert found.cast(EVENT_SCHEMA) == expected
        assert (
            database.execute(f"SELECT * FROM {read_files([old])}").to_arrow_table().cast(EVENT_SCHEMA) == expected[:1]
        )


@pytest.mark.usefixtures("second_format")
def test_a_file_has_the_columns_of_its_own_and_its_snapshots_format(tmp_path: Path) -> None:
    old = raw_parquet(tmp_path / "old", table([row()]).select(WITHOUT.names), "1")
    assert contents("x", old) == FooterInfo(1, 1)
    check_month_file("x", old, FooterInfo(1, 1))
    with pytest.raises(UnreadableError, match=r"x: .* has format_version 1, its snapshot says 2"):
        check_month_file("x", old, FooterInfo(1, 2))
    liar = raw_parquet(tmp_path / "liar", table([row()]).select(WITHOUT.names), "2")
    with pytest.raises(UnreadableError, match=r"x: .* has columns"):
        contents("x", liar)
    early = raw_parquet(tmp_path / "early", table([row()]), "1")
    with pytest.raises(UnreadableError, match=r"x: .* has columns"):
        contents("x", early)
    with pytest.raises(FormatTooNewError):
        contents("x", raw_parquet(tmp_path / "late", table([row()]), "3"))


def test_there_is_no_format_0(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="format_version b'0'"):
        contents("x", raw_parquet(tmp_path / "x", table([row()]), "0"))
