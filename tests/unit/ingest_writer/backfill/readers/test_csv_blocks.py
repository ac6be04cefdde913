"""CSV by blocks: every row once and in order, and no line in a block that is not certainly a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_writer.backfill.readers import csv_blocks
from ingest_writer.backfill.readers.csv import Cells, CsvFile
from ingest_writer.backfill.readers.csv_blocks import BYTE_BY_BYTE, CsvBlock, CsvBlocks
from ingest_writer.backfill.readers.model import ReadError, ReadOptions, RefusedRow
from tests._support.files.written import file_of

OPTIONS = ReadOptions(encoding=BYTE_BY_BYTE, row_max_bytes=10_000)
Found = list[tuple[int, int, list[str] | str]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_MOST_BYTES", 200)
    monkeypatch.setattr(csv_blocks, "_LEAST_BYTES", 40)


def one_by_one(table: CsvFile) -> Found:
    return [(row.number, row.line, row.reason if isinstance(row, RefusedRow) else row.cells) for row in table.rows()]


def by_blocks(folder: Path, data: bytes, options: ReadOptions = OPTIONS) -> tuple[Found, int]:
    """All rows, and how many of them came in blocks."""
    file = file_of(folder / "x.csv", data)
    table = CsvFile(file, options)
    found: Found = []
    in_blocks = 0
    for each in CsvBlocks(file, table, [0, 1], options.row_max_bytes):
        if isinstance(each, CsvBlock):
            rows: list[Cells | RefusedRow] = list(each.rows(list(range(each.num_rows))))
            first = [cell.decode(BYTE_BY_BYTE) for cell in each.column(0).to_pylist()]
            assert first == [row.cells[0] for row in rows if isinstance(row, Cells)]
            in_blocks += each.num_rows
        else:
            rows = [each]
        found += [(r.number, r.line, r.reason if isinstance(r, RefusedRow) else r.cells) for r in rows]
    assert found == one_by_one(table)
    return found, in_blocks


def lines(count: int) -> list[bytes]:
    return [b"%d,x%d,y\n" % (number, number) for number in range(count)]


def test_ordinary_rows_come_in_blocks(tmp_path: Path) -> None:
    found, in_blocks = by_blocks(tmp_path, b"a,b,c\n" + b"".join(lines(100)))
    assert (len(found), in_blocks) == (100, 100)
    assert found[99] == (99, 101, ["99", "x99", "y"])


@pytest.mark.parametrize(
    "line",
    [
        *(b'"1,0","say ""so""",\n', b"\xe6,,\n", b"a'b, ,\t\n", b"1,2,3\r\n"),
    ],
)
def test_quoted_cells_and_bytes_of_any_kind_are_ordinary(line: bytes, tmp_path: Path) -> None:
    some = lines(50)
    _, in_blocks = by_blocks(tmp_path, b"".join([b"a,b,c\n", *some[:25], line, *some[25:]]))
    assert in_blocks == 51


@pytest.mark.parametrize(
    "line",
    [
        *(b"\n", b"1,2\n", b"1,2,3,4\n", b"1,\x00,3\n", b'1,2,"two\nlines"\n', b'a"b,2,3\n', b"1,2,3\r", b' "1",2,3\n'),
    ],
)
def test_lines_that_may_be_something_else_are_read_by_themselves(line: bytes, tmp_path: Path) -> None:
    some = lines(100)
    _, in_blocks = by_blocks(tmp_path, b"".join([b"a,b,c\n", *some[:50], line, *some[50:]]))
    assert 40 < in_blocks < 100


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    found, _ = by_blocks(tmp_path, b"a,b,c\n" + b"".join(lines(30)).rstrip(b"\n"))
    assert found[-1] == (29, 31, ["29", "x29", "y"])


@pytest.mark.parametrize("line", [b'"1,2,3\n', b'1,"2"3,4\n', b"1,2," + b"x" * 500 + b"\n"])
def test_a_file_is_refused_as_it_is_row_by_row(line: bytes, tmp_path: Path) -> None:
    data = b"".join([b"a,b,c\n", *lines(60), line, *lines(60)])
    options = ReadOptions(encoding=BYTE_BY_BYTE, row_max_bytes=400)
    with pytest.raises(ReadError) as expected:
        one_by_one(CsvFile(file_of(tmp_path / "x.csv", data), options))
    with pytest.raises(ReadError) as found:
        by_blocks(tmp_path, data, options)
    assert str(found.value) == str(expected.value)
    assert "line 62" in str(found.value)
