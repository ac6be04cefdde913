"""What a Parquet file of the lake must be, and what is refused with which words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_writer.landing import to_parquet
from lakehouse.errors import FormatTooNewError, UnreadableError
from lakehouse.schema.event import EVENT_SCHEMA, FORMAT_VERSION, REJECTED_SCHEMA, REQUIRED
from lakehouse.table.parquet_files import FooterInfo, check_landed_file, check_month_file, read_rejected_file
from tests._support.lakes.rows import raw_parquet, row, table, write

_DAY = dt.date(2013, 1, 1)
_GOOD = to_parquet(table([row(), row(number=2)]))


def _check(path: Path) -> int:
    return check_landed_file("landing/x", path, _DAY).rows


def test_a_landed_file_passes_and_says_its_rows(tmp_path: Path) -> None:
    assert _check(write(tmp_path / "x", [row(), row(number=2), row()])) == 3


def test_a_landed_file_without_rows_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="has no rows"):
        _check(write(tmp_path / "x", []))


def test_a_file_carries_its_format_version_and_plain_types_for_other_engines(tmp_path: Path) -> None:
    path = write(tmp_path / "x", [row()])
    assert (pq.read_metadata(path).metadata or {}) == {b"format_version": b"%d" % FORMAT_VERSION}
    types = duckdb.sql(f"SELECT DISTINCT column_type FROM (DESCRIBE FROM read_parquet('{path}'))").fetchall()
    assert {name for (name,) in types} == {"DATE", "VARCHAR", "INTEGER", "TINYINT", "TIMESTAMP WITH TIME ZONE"}


def test_a_file_of_another_engine_passes_with_its_columns_and_version(tmp_path: Path) -> None:
    source = f"read_parquet('{write(tmp_path / 'x', [row()])}')"
    version = f"KV_METADATA {{format_version: '{FORMAT_VERSION}'}}"
    duckdb.sql(f"COPY (FROM {source}) TO '{tmp_path / 'y'}' (FORMAT parquet, {version})")
    assert _check(tmp_path / "y") == 1
    duckdb.sql(f"COPY (FROM {source}) TO '{tmp_path / 'z'}' (FORMAT parquet)")
    with pytest.raises(UnreadableError, match="format_version None"):
        _check(tmp_path / "z")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not Parquet at all", b"PAR1" * 100, b'{"json": true}'])
def test_bytes_that_are_not_parquet_are_unreadable(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UnreadableError, match="landing/x: cannot be read: not a whole Parquet file"):
        _check(tmp_path / "x")
    with pytest.raises(UnreadableError, match="not a whole Parquet file"):
        check_month_file("flights/x", tmp_path / "x", FooterInfo(1, FORMAT_VERSION))
    with pytest.raises(UnreadableError, match="not a whole Parquet file"):
        read_rejected_file("rejected/x", tmp_path / "x")


@settings(deadline=None)
@given(st.integers(0, len(_GOOD) - 1))
def test_a_file_cut_off_anywhere_is_unreadable(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(_GOOD[:length])
    with pytest.raises(UnreadableError):
        _check(path)


@settings(deadline=None)
@given(st.integers(0, len(_GOOD) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_unreadable_or_harmless_and_never_another_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, by: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(_GOOD[:at] + bytes([_GOOD[at] ^ by]) + _GOOD[at + 1 :])
    try:
        _check(path)
    except (UnreadableError, FormatTooNewError):
        return


@pytest.mark.parametrize("column", REQUIRED)
def test_a_null_where_none_may_be_is_unreadable(tmp_path: Path, column: str) -> None:
    path = write(tmp_path / "x", [row(), {**row(), column: None}])
    with pytest.raises(UnreadableError, match=f"column {column} has nulls"):
        _check(path)


def test_a_row_of_another_date_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "x", [row(), row("2013-01-02")])
    with pytest.raises(UnreadableError, match="rows of another flight_date than 2013-01-01"):
        _check(path)


def test_a_string_that_is_not_utf8_is_unreadable(tmp_path: Path) -> None:
    """pyarrow reads it without a word, DuckDB then refuses the whole query."""
    rows = table([row()])
    latin = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xe9\xe8"]).buffers())
    path = write(tmp_path / "x", [])
    path.write_bytes(to_parquet(rows.set_column(rows.schema.get_field_index("tail_number"), "tail_number", latin)))
    with pytest.raises(UnreadableError, match=r"(?i)utf-?8"):
        _check(path)


@pytest.mark.parametrize("version", ["", "x", "-1", "1.0", " 1", None])
def test_a_format_version_that_is_no_number_is_unreadable(tmp_path: Path, version: str | None) -> None:
    path = raw_parquet(tmp_path / "x", table([row()]), version)
    with pytest.raises(UnreadableError, match="format_version"):
        _check(path)


def test_a_newer_format_version_is_refused_before_its_columns_are_looked_at(tmp_path: Path) -> None:
    path = raw_parquet(tmp_path / "x", pa.table({"new": [1]}), version=str(FORMAT_VERSION + 1))
    too_new = f"format_version {FORMAT_VERSION + 1} is newer than {FORMAT_VERSION}.*upgrade"
    for check in (_check, lambda path: check_month_file("flights/x", path, FooterInfo(1, FORMAT_VERSION))):
        with pytest.raises(FormatTooNewError, match=too_new):
            check(path)


def test_other_columns_are_unreadable(tmp_path: Path) -> None:
    rows = table([row()])
    others = {
        "missing": rows.drop_columns(["tail_number"]),
        "more": rows.append_column("note", pa.array(["x"])),
        "reordered": rows.select([*rows.column_names[1:], rows.column_names[0]]),
        "renamed": rows.rename_columns(["date", *rows.column_names[1:]]),
    }
    for name, other in others.items():
        path = raw_parquet(tmp_path / name, other)
        with pytest.raises(UnreadableError, match="has columns"):
            _check(path)
        with pytest.raises(UnreadableError, match="has columns"):
            check_month_file("flights/x", path, FooterInfo(1, FORMAT_VERSION))


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("flight_number", pa.int64()),
        ("scheduled_departure_hour", pa.int32()),
        ("event_time", pa.timestamp("ms", tz="UTC")),
        ("event_time", pa.timestamp("us")),
        ("flight_date", pa.string()),
        ("message_id", pa.binary()),
    ],
)
def test_a_column_of_another_type_is_unreadable(tmp_path: Path, column: str, type_: pa.DataType) -> None:
    rows = table([row()])
    index = rows.schema.get_field_index(column)
    other = rows.set_column(index, column, rows[column].cast(type_))
    with pytest.raises(UnreadableError, match=f"column {column} is "):
        _check(raw_parquet(tmp_path / "x", other))


def test_a_month_file_has_the_rows_that_its_snapshot_says(tmp_path: Path) -> None:
    path = write(tmp_path / "x", [row(), row(number=2)])
    check_month_file("flights/x", path, FooterInfo(2, FORMAT_VERSION))
    with pytest.raises(UnreadableError, match="flights/x: cannot be read: has 2 rows, its snapshot says 3"):
        check_month_file("flights/x", path, FooterInfo(3, FORMAT_VERSION))


def test_a_rejected_file_is_read_back(tmp_path: Path) -> None:
    rejected = {
        "bytes": b"\xff{",
        "attributes": [("source", "test")],
        "stage": "decode",
        "reason": "not UTF-8",
        "message_id": "7",
        "message_line": 0,
        "publish_time": dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
    }
    rows = pa.Table.from_pylist([rejected], schema=REJECTED_SCHEMA)
    (tmp_path / "x").write_bytes(to_parquet(rows))
    assert read_rejected_file("rejected/x", tmp_path / "x").to_pylist() == [rejected]
    with pytest.raises(UnreadableError, match="has columns"):
        read_rejected_file("rejected/x", write(tmp_path / "y", [row()]))


def test_every_column_survives_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x", [row(tail_number="N14228", actual_arrival=dt.datetime(2013, 1, 1, 1, 2, 3, 4, dt.UTC))]
    )
    assert pq.read_table(path).to_pylist() == [
        row(tail_number="N14228", actual_arrival=dt.datetime(2013, 1, 1, 1, 2, 3, 4, dt.UTC))
    ]
    assert pq.read_schema(path).equals(EVENT_SCHEMA)
