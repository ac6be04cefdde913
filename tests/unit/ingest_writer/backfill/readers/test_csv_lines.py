"""Lines of a CSV file: counted, and read on after some that were read otherwise."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ingest_writer.backfill.readers.csv_lines import Lines
from ingest_writer.backfill.readers.model import ReadError, ReadOptions
from tests._support.files.written import file_of

OPTIONS = ReadOptions(encoding="iso8859-1", row_max_bytes=30)


def test_lines_that_are_skipped_are_counted(tmp_path: Path) -> None:
    file = file_of(tmp_path / "x.csv", b"first\r\n\xe6cond\nthird\nfourth\nfifth")
    with closing(Lines(file, OPTIONS)) as lines:
        assert next(lines) == "first\r\n"
        lines.skip(2, len("\xe6cond\nthird\n"))
        lines.begin()
        assert (lines.first, next(lines), next(lines)) == (4, "fourth\n", "fifth")
        assert (lines.number, lines.characters) == (5, 31)


def test_a_long_line_is_named_after_a_skip_too(tmp_path: Path) -> None:
    file = file_of(tmp_path / "x.csv", b"1\n2\n" + b"3" * 40 + b"\n")
    with closing(Lines(file, OPTIONS)) as lines:
        lines.skip(2, 4)
        with pytest.raises(ReadError, match=r"x\.csv, line 3: has a line of more than"):
            next(lines)
