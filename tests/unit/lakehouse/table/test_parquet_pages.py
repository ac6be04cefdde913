"""Pages as their headers tell them: all of a chunk's rows, and nothing that a header must not say."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.table.parquet_pages import Page, pages


def pages_of(path: Path) -> list[Page]:
    return walked(path.read_bytes(), pq.read_metadata(path).row_group(0).column(0))


def walked(data: bytes, chunk: pq.ColumnChunkMetaData) -> list[Page]:
    return list(pages(lambda length, at: data[at : at + length], len(data), chunk))


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_the_pages_of_a_chunk_have_all_its_rows(tmp_path: Path, compression: str, use_dictionary: bool) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"text {number % 700}" for number in range(50_000)]
    pq.write_table(
        pa.table({"x": texts}), path, compression=compression, use_dictionary=use_dictionary, data_page_size=10_000
    )
    found = pages_of(path)
    assert sum(page.rows for page in found) == len(texts)
    assert (found[0].rows == 0) == use_dictionary
    assert len(found) > 3
    assert all(page.size > 0 for page in found)


def test_pages_of_version_2_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": list(range(1000))}), path, data_page_version="2.0")
    with pytest.raises((LookupError, ValueError)):
        pages_of(path)


def test_a_header_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": list(range(1000))}), path)
    chunk = pq.read_metadata(path).row_group(0).column(0)
    with pytest.raises((LookupError, ValueError, TypeError)):
        walked(path.read_bytes()[:6], chunk)
