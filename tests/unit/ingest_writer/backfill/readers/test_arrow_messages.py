"""Sizes of Arrow batches from their messages: as they are, compressed, of dictionaries, and of damaged files."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from ingest_writer.backfill.readers.arrow_messages import largest_batch

NUMBERS = pa.table({"a": pa.array(range(100_000), pa.int64()), "b": pa.array(["x" * 100] * 100_000)})
BYTES = 800_000 + 10_000_000 + 400_004


def written(path: Path, table: pa.Table, compression: str | None = None) -> Path:
    with pa.ipc.new_stream(path, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table.slice(0, 10))
        writer.write_table(table)
    return path


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_the_largest_batch_counts_as_it_is_unpacked(compression: str | None, tmp_path: Path) -> None:
    size, is_packed = largest_batch(written(tmp_path / "a", NUMBERS, compression), 0)
    assert BYTES <= size <= BYTES + 1000
    assert is_packed == (compression is not None)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_dictionary_counts_as_a_batch(compression: str | None, tmp_path: Path) -> None:
    words = pa.array([f"{number:0100}" for number in range(100_000)]).dictionary_encode()
    size, _ = largest_batch(written(tmp_path / "a", pa.table({"a": words}), compression), 0)
    assert 10_400_000 <= size <= 10_402_000


def test_a_file_is_a_stream_behind_its_mark(tmp_path: Path) -> None:
    with pa.ipc.new_file(tmp_path / "a", NUMBERS.schema) as writer:
        writer.write_table(NUMBERS)
    assert BYTES <= largest_batch(tmp_path / "a", 8)[0] <= BYTES + 1000


@pytest.mark.parametrize("seed", range(50))
def test_a_damaged_file_raises_nothing(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)
    data = bytearray(written(tmp_path / "a", NUMBERS.slice(0, 50), "zstd").read_bytes())
    for _ in range(20):
        data[random_.randrange(len(data))] = random_.randrange(256)
    (tmp_path / "a").write_bytes(data[: random_.randrange(len(data))])
    size, _ = largest_batch(tmp_path / "a", 0)
    assert size >= 0
