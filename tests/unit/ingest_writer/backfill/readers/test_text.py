"""Encodings: by the byte order mark, as asked for, or UTF-8 whose broken bytes refuse their row alone."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from ingest_writer.backfill.readers.model import ReadError, ReadOptions
from ingest_writer.backfill.readers.text import Share, decoded, is_unicode, lines_of, open_text
from tests._support.files.written import HEADER, file_of, flight_line, numbers, rows_of

TEXT = f"{HEADER}\n{flight_line(1, 'café')}\n{flight_line(2)}\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    ],
    ids=["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_a_byte_order_mark_says_the_encoding(data: bytes, tmp_path: Path) -> None:
    assert numbers(rows_of(file_of(tmp_path / "a.csv", data))) == [1, 2]


def test_utf16_without_a_mark_is_refused_and_read_when_asked_for(tmp_path: Path) -> None:
    for order in ("le", "be"):
        file = file_of(tmp_path / "a.csv", TEXT.encode(f"utf-16-{order}"))
        with pytest.raises(ReadError, match=f"UTF-16 without a byte order mark; give --encoding utf-16-{order}"):
            rows_of(file)
        assert numbers(rows_of(file, encoding=f"utf-16-{order}")) == [1, 2]


def test_utf16_that_is_cut_short_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="not utf-16"):
        rows_of(file_of(tmp_path / "a.csv", TEXT.encode("utf-16")[:-1]))


def test_windows_1252_is_read_only_when_asked_for(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", TEXT.encode("cp1252"))
    reason, second = numbers(rows_of(file))
    assert (reason[:9], second) == ("not UTF-8", 2)
    assert "give --encoding if the file has another, such as windows-1252" in reason
    assert numbers(rows_of(file, encoding="cp1252")) == [1, 2]


def test_the_head_of_a_file_may_end_within_a_character() -> None:
    assert decoded("é".encode()[:1]) == ""
    assert decoded(codecs.BOM_UTF16_LE + b"a") == ""


def test_lines_keep_their_ends_and_the_share_grows(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.csv", b"a\nb\r\nc\rd")
    share = Share(file)
    assert share() == 0
    with share.follow(open_text(file, ReadOptions())) as text:
        assert list(lines_of(text, file, ReadOptions())) == ["a\n", "b\r\n", "c\r", "d"]
        assert share() == 1
    assert share() == 0


def test_lone_surrogates_are_no_unicode() -> None:
    assert is_unicode("a")
    assert is_unicode("é")
    assert not is_unicode(b"\xe9".decode(errors="surrogateescape"))
