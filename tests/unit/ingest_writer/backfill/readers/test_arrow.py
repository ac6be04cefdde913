"""Arrow files and streams: read whole, or refused when they are cut short."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.feather
import pytest

from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, ReadError, ReadOptions
from tests._support.events.builders import event
from tests._support.files.written import file_of, numbers, rows_of

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


@pytest.mark.parametrize("suffix", ["arrow", "arrows"])
def test_a_large_batch_is_mapped_and_has_the_same_rows(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_writer.backfill.readers.arrow._MAPPED_ABOVE_BYTES", 0)
    monkeypatch.setattr("ingest_writer.backfill.readers.arrow.BATCH_ROWS", 3)
    data = TABLE.append_column("remarks", pa.array(["x"] * 10))
    new = pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream
    with new(tmp_path / "a", data.schema) as writer:
        writer.write_table(data, max_chunksize=7)
    opened = open_file(InputFile("a", tmp_path / "a"), ReadOptions())
    shares = [opened.share() for _ in opened.rows]
    assert shares == sorted(shares)
    assert opened.share() > 0.99
    assert numbers(rows_of(InputFile("a", tmp_path / "a"))) == list(range(1, 11))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_batch_above_the_limit_is_refused(compression: str, tmp_path: Path) -> None:
    rows = pa.concat_tables([TABLE] * 1000).combine_chunks()
    path = tmp_path / "a.feather"
    pyarrow.feather.write_feather(rows, path, compression=compression, chunksize=100_000)
    assert len(rows_of(InputFile("a", path), packed_batch_max_bytes=20_000_000)) == 10_000
    with pytest.raises(ReadError, match=r"a batch of . MB unpacked, which LOAD_PACKED_BATCH_MAX_MB limits; write it"):
        rows_of(InputFile("a", path), packed_batch_max_bytes=1_000_000)


_PEAK = """
import sys
from pathlib import Path
from bench.machine import own_peak_mb
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, ReadOptions
opened = open_file(InputFile("a", Path(sys.argv[1])), ReadOptions())
before = own_peak_mb()
print(sum(1 for _ in opened.rows), own_peak_mb() - before)
"""


@pytest.mark.parametrize("suffix", ["arrow", pytest.param("arrows", marks=pytest.mark.long)])
def test_one_batch_of_many_rows_takes_the_memory_of_a_slice(suffix: str, tmp_path: Path) -> None:
    rows = pa.concat_tables([TABLE] * 30_000).combine_chunks()  # 60 MB of what is taken, and 180 MB of what is not
    rows = rows.append_column("remarks", pa.array(["x" * 600] * rows.num_rows))
    new = pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream
    with new(tmp_path / "a", rows.schema) as writer:
        writer.write_table(rows)
    command = [sys.executable, "-c", _PEAK, str(tmp_path / "a")]
    read, peak_mb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(read) == 300_000
    assert float(peak_mb) < 40
