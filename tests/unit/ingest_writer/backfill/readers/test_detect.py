"""Which reader a file gets: by name, by what it begins with, by its suffix."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ingest_writer.backfill.readers.detect import FORMATS, format_of, open_file, suffix_of
from ingest_writer.backfill.readers.model import InputFile, ReadError, ReadOptions
from tests._support.events.builders import event, line
from tests._support.files.written import csv_text, file_of


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([event()]), out)
    return out.getvalue()


def _feather() -> bytes:
    out = io.BytesIO()
    pyarrow.feather.write_feather(pa.Table.from_pylist([event()]), out)
    return out.getvalue()


BYTES = {
    "csv": csv_text(event()).encode(),
    "ndjson": line() + b"\n",
    "json": json.dumps([event()]).encode(),
    "parquet": _parquet(),
    "arrow": _feather(),
}


@pytest.mark.parametrize("format_", BYTES)
@pytest.mark.parametrize("name", ["flights", "flights.dat", "flights.csv"])
def test_a_file_is_recognised_by_what_it_begins_with(format_: str, name: str, tmp_path: Path) -> None:
    file = file_of(tmp_path / name, BYTES[format_])
    assert format_of(file, ReadOptions()).name == format_
    assert len(list(open_file(file, ReadOptions()).rows)) == 1


def test_the_format_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", BYTES["csv"])
    assert format_of(file, ReadOptions(format="parquet")).name == "parquet"
    with pytest.raises(ReadError, match="not a Parquet file"):
        open_file(file, ReadOptions(format="parquet"))


@pytest.mark.parametrize("name", [suffix for each in FORMATS for suffix in each.suffixes])
def test_what_is_not_recognised_goes_by_its_suffix(name: str, tmp_path: Path) -> None:
    file = file_of(tmp_path / f"a{name}", b"?")
    assert name in format_of(file, ReadOptions()).suffixes


def test_an_unknown_file_a_folder_and_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="its format is not recognised; give --format with one of parquet"):
        open_file(file_of(tmp_path / "a.xyz", b"?"), ReadOptions())
    with pytest.raises(ReadError, match="is a folder"):
        open_file(InputFile("x", tmp_path), ReadOptions())
    with pytest.raises(ReadError, match="there is no such file"):
        open_file(InputFile("x", tmp_path / "missing"), ReadOptions())


def test_a_suffix_is_that_of_the_file_within_the_compression() -> None:
    assert [suffix_of(name) for name in ("a.CSV", "a.csv.gz", "b/a.json.zst", "a", "a.gz")] == [
        ".csv",
        ".csv",
        ".json",
        "",
        "",
    ]


@pytest.mark.parametrize("name", ["stdin", "a.csv", "a.json", "a.dat"])
def test_an_empty_file_has_no_rows_whatever_its_name(name: str, tmp_path: Path) -> None:
    assert list(open_file(file_of(tmp_path / name, b""), ReadOptions()).rows) == []
