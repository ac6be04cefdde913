"""Files that would cost more than any file of a writer are refused before they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingest_writer.compaction.merge_sql import Merger
from ingest_writer.landing import to_parquet
from lakehouse.errors import UnreadableError
from lakehouse.schema.event import EVENT_SCHEMA, FORMAT_VERSION, REJECTED_SCHEMA
from lakehouse.table.parquet_files import (
    FooterInfo,
    batches,
    check_landed_file,
    check_month_file,
    read_rejected_file,
    rejected_rows,
)
from lakehouse.table.parquet_limits import (
    LANDED_MAX_BYTES,
    LANDED_MAX_ROWS,
    REJECTED_MAX_BYTES,
    TEXT_MAX_BYTES,
    check_landed_size,
)
from tests._support.lakes import parquet_bombs as bombs
from tests._support.lakes.rows import at, row, table

_DAY = at("2013-01-01 00:00").date()

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "many rows": (bombs.many_rows, "has 1000001 rows; a writer lands at most 1000000 in a file"),
    "a long text in many rows": (bombs.long_text, "tail_number has a text of more than 64 bytes"),
    "a long page": (bombs.long_page, "column tail_number takes 6000[0-9]+ bytes for 1 rows"),
    "a long page, footer lies": (bombs.long_page_with_a_footer_that_lies, "column tail_number takes 6000[0-9]+ bytes"),
    "tiny row groups": (bombs.tiny_row_groups, "row groups for 1000 rows|has a footer of"),
    "a huge footer": (bombs.huge_footer, "has a footer of 2[0-9]+ bytes"),
    "large pages": (bombs.large_pages, "column message_id has a page of [0-9]+ bytes"),
    "tiny pages": (bombs.tiny_pages, "has more than 514 pages for 3000 rows"),
    "pages of version 2": (bombs.pages_of_version_2, "its pages cannot be decoded: those of column flight_date"),
    "a dictionary that lies": (bombs.dictionary_that_promises_more, "a dictionary of more values"),
    "an amplifying encoding": (bombs.amplifying_encoding, "an encoding or a kind of page that nobody writes"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap(tmp_path: Path, bomb: str) -> None:
    make, why = BOMBS[bomb]
    path = tmp_path / "x"
    path.write_bytes(make())
    default = pa.default_memory_pool()
    counting = pa.proxy_memory_pool(default)
    pa.set_memory_pool(counting)
    try:
        with pytest.raises(UnreadableError, match=f"landing/x: cannot be read: .*({why})"):
            check_landed_file("landing/x", path, _DAY)
    finally:
        pa.set_memory_pool(default)
    assert (counting.max_memory() or 0) < 50_000_000


_AS_A_MONTH = ("many rows", "a long text in many rows", "large pages")  # bounded by other things


@pytest.mark.parametrize("bomb", [name for name in BOMBS if name not in _AS_A_MONTH])
def test_a_month_file_that_no_merge_makes_is_unreadable(tmp_path: Path, bomb: str) -> None:
    make, why = BOMBS[bomb]
    path = tmp_path / "x"
    path.write_bytes(make())
    with pytest.raises(UnreadableError, match=why):
        check_month_file("flights/x", path, FooterInfo(1, FORMAT_VERSION))


def test_a_long_text_in_a_month_file_is_found_when_it_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bombs.long_text())
    with pytest.raises(UnreadableError, match="tail_number has a text of more than 64 bytes"):
        list(batches("flights/x", path))


def test_a_landed_object_beyond_what_a_writer_lands_is_refused_by_its_listing() -> None:
    check_landed_size("landing/x", LANDED_MAX_BYTES)
    with pytest.raises(UnreadableError, match="landing/x: cannot be read: has 256000001 bytes"):
        check_landed_size("landing/x", LANDED_MAX_BYTES + 1)


def test_texts_as_long_as_they_may_be_pass(tmp_path: Path) -> None:
    path = tmp_path / "x"
    longest: dict[str, Any] = {column: "N" * most for column, most in TEXT_MAX_BYTES.items()}
    path.write_bytes(to_parquet(table([row(**longest) for _ in range(70_000)])))
    assert check_landed_file("landing/x", path, _DAY).rows == 70_000


@pytest.mark.parametrize("column", TEXT_MAX_BYTES)
def test_a_text_of_a_byte_more_is_unreadable(tmp_path: Path, column: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(to_parquet(table([row(), {**row(), column: "N" * (TEXT_MAX_BYTES[column] + 1)}])))
    with pytest.raises(UnreadableError, match=f"column {column} has a text of more than"):
        check_landed_file("landing/x", path, _DAY)


@cache
def _alike() -> pa.Table:
    """As many rows as a file may have, all of them the same."""
    return bombs.events(LANDED_MAX_ROWS).cast(EVENT_SCHEMA)


def _with(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, column in columns.items():
        field = EVENT_SCHEMA.field(name)
        rows = rows.set_column(EVENT_SCHEMA.get_field_index(name), field, pc.cast(column, field.type))
    return rows


def _remainder(numbers: pa.Array, by: int) -> pa.Array:
    return pc.subtract(numbers, pc.multiply(pc.divide(numbers, by), by))


_COUNT = pa.array(range(LANDED_MAX_ROWS))


def _numbered(per_message: int) -> pa.Table:
    """As many rows as a file may have, that many in each message, with nothing else to tell them apart."""
    ids = pc.cast(pc.add(pc.divide(_COUNT, per_message), 10**15), pa.string())
    return _with(_alike(), message_id=ids, message_line=_remainder(_COUNT, per_message))


@pytest.mark.parametrize("per_message", [1, 300, LANDED_MAX_ROWS])
def test_as_many_rows_as_a_writer_lands_pass_however_alike_they_are(tmp_path: Path, per_message: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(to_parquet(_numbered(per_message)))
    assert check_landed_file("landing/x", path, _DAY).rows == LANDED_MAX_ROWS


def test_a_month_of_flights_in_a_pattern_passes_however_well_it_compresses(tmp_path: Path) -> None:
    codes = pa.array([f"{chr(65 + n // 676)}{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}" for n in range(10_000)])
    rows = _with(
        _numbered(100),
        flight_number=pc.add(_remainder(_COUNT, 100), 1),
        origin=codes.take(pc.divide(_COUNT, 100)),
    )
    (tmp_path / "landed").write_bytes(to_parquet(rows))
    merger = Merger(tmp_path, 512, 2)
    found = merger.merge([tmp_path / "landed"], tmp_path / "month")
    merger.close()
    assert [each.rows for each in found] == [LANDED_MAX_ROWS]
    check_month_file("flights/x", tmp_path / "month", FooterInfo(LANDED_MAX_ROWS, FORMAT_VERSION))
    assert sum(batch.num_rows for batch in batches("flights/x", tmp_path / "month")) == LANDED_MAX_ROWS


def test_a_single_row_with_empty_texts_passes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(to_parquet(table([row(tail_number="")])))
    assert check_landed_file("landing/x", path, _DAY).rows == 1


def _rejected(lines: list[bytes]) -> pa.Table:
    count = len(lines)
    attributes = pa.array([[("a", "b")]] * count, REJECTED_SCHEMA.field("attributes").type)
    texts = [pa.array(["x"] * count)] * 3
    time = pa.array([at("2013-01-01 12:00")] * count, REJECTED_SCHEMA.field("publish_time").type)
    columns = [pa.array(lines, pa.binary()), attributes, *texts, pa.array(range(count), pa.int32()), time]
    return pa.table(columns, schema=REJECTED_SCHEMA)


def test_rejected_lines_that_would_take_gigabytes_are_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(to_parquet(_rejected([b"x" * 1_000_000] * 300)))
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableError, match=f"its lines take 300[0-9]+ bytes; .* at most {REJECTED_MAX_BYTES}"):
        read_rejected_file("rejected/x", path)


def test_the_row_groups_of_a_rejected_file_count_together(tmp_path: Path) -> None:
    path = tmp_path / "x"
    lines = _rejected([bytes([65 + number]) * 60_000_000 for number in range(5)])
    path.write_bytes(bombs.encoded(lines, row_group_size=1, write_statistics=False))
    with pytest.raises(
        UnreadableError, match=f"column bytes takes 300[0-9]+ bytes .* {REJECTED_MAX_BYTES} is the most"
    ):
        read_rejected_file("rejected/x", path)


def test_rejected_lines_that_repeat_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(to_parquet(_rejected([b"x" * 1_000, b"y"] * 100)))
    found = read_rejected_file("rejected/x", path)
    assert found.schema.equals(REJECTED_SCHEMA)
    assert found["bytes"].to_pylist() == [b"x" * 1_000, b"y"] * 100
    assert found["attributes"].to_pylist() == [[("a", "b")]] * 200


def test_the_rows_of_a_rejected_file_are_counted_by_its_footer() -> None:
    assert rejected_rows("rejected/x", to_parquet(_rejected([b"x"] * 3))) == 3
    with pytest.raises(UnreadableError, match="rejected/x"):
        rejected_rows("rejected/x", b"nonsense")
