"""Arrow files and streams: read whole, or refused when they are cut short."""

from __future__ import annotations

import io
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.feather
import pytest

from ingest_writer.backfill.readers.model import ReadError
from tests._support.events import event
from tests._support.files import file_of, numbers, rows_of

TABLE = pa.Table.from_pylist([event(flight_number=number) for number in range(1, 11)])


def stream(table: pa.Table = TABLE) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    return out.getvalue()


def test_a_file_and_a_stream_have_the_same_rows(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(TABLE, tmp_path / "a.feather", chunksize=3)
    data = (tmp_path / "a.feather").read_bytes()
    assert numbers(rows_of(file_of(tmp_path / "a.feather", data))) == list(range(1, 11))
    assert numbers(rows_of(file_of(tmp_path / "a.arrows", stream()))) == list(range(1, 11))


def test_files_and_streams_of_polars_are_read(tmp_path: Path) -> None:
    frame = polars.from_arrow(TABLE)
    assert isinstance(frame, polars.DataFrame)
    frame.write_ipc(tmp_path / "a.arrow")
    frame.write_ipc_stream(tmp_path / "b.arrow")
    for name in ("a.arrow", "b.arrow"):
        assert numbers(rows_of(file_of(tmp_path / name, (tmp_path / name).read_bytes()))) == list(range(1, 11))


def test_a_stream_that_ends_between_two_batches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cut short: it has no end mark"):
        rows_of(file_of(tmp_path / "a.arrows", stream()[:-8]))


def test_what_follows_a_stream_is_not_left_out_silently(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="something follows the Arrow stream"):
        rows_of(file_of(tmp_path / "a.arrows", stream() + stream()))


@pytest.mark.parametrize("data", [b"ARROW1\0\0junk", stream()[:100], b"FEA1...."], ids=["file", "stream", "old"])
def test_a_damaged_or_too_old_file_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"not an Arrow file or stream|Feather of version 1"):
        rows_of(file_of(tmp_path / "a.arrow", data))
