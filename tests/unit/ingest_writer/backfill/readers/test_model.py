"""The error of a file says where, why and what to do."""

from __future__ import annotations

from ingest_writer.backfill.readers.model import ReadError, printable
from lakehouse.errors import ConfigError


def test_an_error_has_file_line_reason_and_remedy() -> None:
    error = ReadError("a.csv", "is odd", line=3, todo="make it even")
    assert (str(error), error.file, error.line) == ("a.csv, line 3: is odd; make it even", "a.csv", 3)
    assert isinstance(error, ConfigError)
    assert str(ReadError("a.csv", "is odd")) == "a.csv: is odd"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("é 漢 \x1b[2J\n\udcff") == r"é 漢 \x1b[2J\n\udcff"
    assert str(ReadError("a\x1b.csv", "is odd")) == r"a\x1b.csv: is odd"
