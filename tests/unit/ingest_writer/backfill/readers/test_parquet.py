"""Parquet: columns are checked by the footer before any row is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, ReadError, ReadOptions
from tests._support.events.builders import event
from tests._support.files.written import file_of, numbers, rows_of


def written(path: Path, table: pa.Table) -> InputFile:
    pq.write_table(table, path, row_group_size=3)
    return InputFile(path.name, path)


def test_all_row_groups_are_read_and_the_share_of_rows_is_known(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([event(flight_number=number, unlisted="A") for number in range(1, 11)])
    opened = open_file(written(tmp_path / "a.parquet", table), ReadOptions())
    assert (opened.ignored, opened.share()) == (("unlisted",), 0)
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


_PEAK = """
import sys
from pathlib import Path
from bench.machine import own_peak_mb
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, ReadOptions
opened = open_file(InputFile("a", Path(sys.argv[1])), ReadOptions())
before = own_peak_mb()
print(sum(len(row.values["tail_number"]) for row in opened.rows), own_peak_mb() - before)
"""


def test_one_long_text_in_all_rows_takes_the_memory_of_a_few(tmp_path: Path) -> None:
    """A file of some kilobytes: a gigabyte when each row had its own text."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), pa.array(["x" * 100_000]))
    table = pa.Table.from_pylist([event()] * 10_000).append_column("tail_number", texts)
    pq.write_table(table, tmp_path / "a")
    assert (tmp_path / "a").stat().st_size < 50_000
    command = [sys.executable, "-c", _PEAK, str(tmp_path / "a")]
    characters, peak_mb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(characters) == 10_000 * 100_000
    assert float(peak_mb) < 150


def test_a_row_larger_than_a_row_may_be_refuses_the_file(tmp_path: Path) -> None:
    rows = [event(), event(tail_number="x" * 3000), event()]
    file = written(tmp_path / "a.parquet", pa.Table.from_pylist(rows, schema=pa.Table.from_pylist(rows[1:]).schema))
    with pytest.raises(ReadError, match=r"a.parquet, line 2: a row of more than 0 MB, which LOAD_ROW_MAX_MB limits"):
        rows_of(file, row_max_bytes=2000)


def test_long_texts_of_their_own_in_all_rows_refuse_the_file(tmp_path: Path) -> None:
    """Kilobytes that take a gigabyte: each text is another one, and all are alike but for a few bytes."""
    rows = [event(flight_number=number, tail_number=f"{number}{'x' * 100_000}") for number in range(1, 101)]
    file = written(tmp_path / "a.parquet", pa.Table.from_pylist(rows))
    with pytest.raises(
        ReadError, match=r"a\.parquet: column tail_number takes 100,0\d\d bytes a row in row group 0; no t"
    ):
        rows_of(file)


def test_long_texts_of_a_column_that_is_not_read_refuse_nothing(tmp_path: Path) -> None:
    rows = [event(flight_number=number, remark=f"{number}{'x' * 100_000}") for number in range(1, 11)]
    opened = open_file(written(tmp_path / "a.parquet", pa.Table.from_pylist(rows)), ReadOptions())
    assert numbers(list(opened.rows)) == list(range(1, 11))
