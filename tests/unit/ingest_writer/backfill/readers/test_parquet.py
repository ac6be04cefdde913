"""Parquet: columns are checked by the footer before any row is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, ReadError, ReadOptions
from tests._support.events import event
from tests._support.files import file_of, numbers, rows_of


def written(path: Path, table: pa.Table) -> InputFile:
    pq.write_table(table, path, row_group_size=3)
    return InputFile(path.name, path)


def test_all_row_groups_are_read_and_the_share_of_rows_is_known(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([event(flight_number=number, gate="A") for number in range(1, 11)])
    opened = open_file(written(tmp_path / "a.parquet", table), ReadOptions())
    assert (opened.ignored, opened.share()) == (("gate",), 0)
    assert numbers(list(opened.rows)) == list(range(1, 11))
    assert opened.share() == 1


def test_missing_columns_refuse_the_file(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([event()]).drop_columns(["carrier"])
    with pytest.raises(ReadError, match="missing: carrier"):
        open_file(written(tmp_path / "a.parquet", table), ReadOptions())


def test_a_file_that_is_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.parquet", pa.Table.from_pylist([event()] * 10)).path.read_bytes()
    for data in (whole[:-1], whole[: len(whole) // 2], whole[:4] + b"\0" * 100 + whole[104:]):
        with pytest.raises(ReadError, match="not a Parquet file, or a damaged one"):
            rows_of(file_of(tmp_path / "b.parquet", data))
