"""NDJSON: each line by itself, numbered with the blank ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_writer.backfill.readers.model import FileRow, RefusedRow
from tests._support.events.builders import line
from tests._support.files.written import file_of, numbers, rows_of


def test_a_bad_line_is_refused_with_its_bytes_and_the_others_are_read(tmp_path: Path) -> None:
    data = b"\n".join([line(flight_number=1), b"{", b" ", b"[1]", line(flight_number=2)])
    rows = rows_of(file_of(tmp_path / "a.ndjson", data))
    assert [(row.number, row.line, isinstance(row, RefusedRow)) for row in rows] == [
        (0, 1, False),
        (1, 2, True),
        (3, 4, True),
        (4, 5, False),
    ]
    assert isinstance(rows[1], RefusedRow)
    assert rows[1].raw == b"{"
    assert isinstance(rows[0], FileRow)
    assert rows[0].raw == line(flight_number=1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(encoding: str, tmp_path: Path) -> None:
    data = (line(flight_number=1) + b"\r\n" + line(flight_number=2)).decode().encode(encoding)
    assert numbers(rows_of(file_of(tmp_path / "a.ndjson", data))) == [1, 2]


def test_what_is_no_utf8_refuses_its_line(tmp_path: Path) -> None:
    data = line(remarks="?").replace(b"?", b"\xe9") + b"\n" + line(flight_number=2)
    assert numbers(rows_of(file_of(tmp_path / "a.ndjson", data))) == ["not UTF-8: byte 234 is 0xe9", 2]
