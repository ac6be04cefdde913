"""Text of a file: its encoding by the byte order mark, its lines within a limit."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final, TextIO

from ingest_writer.backfill.readers.model import InputFile, ReadError, ReadOptions

_MARKS: Final = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(head: bytes, asked: str | None = None) -> str:
    """The encoding by the byte order mark; without one what was asked for, or UTF-8."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    return asked or "utf-8"


def is_utf8(encoding: str) -> bool:
    """Whether bytes that are no text can be told line by line."""
    return encoding in ("utf-8", "utf-8-sig")


def decoded(head: bytes, asked: str | None = None) -> str:
    """The beginning of a file as text; what is no text is left out."""
    return head.decode(encoding_of(head, asked), errors="ignore")


class Share:
    """How much of a text file was read, up to 1."""

    def __init__(self, file: InputFile) -> None:
        self._size = max(file.path.stat().st_size, 1)
        self._text: TextIO | None = None

    def follow(self, text: TextIO) -> TextIO:
        """The same text, whose position counts from now on."""
        self._text = text
        return text

    def __call__(self) -> float:
        if self._text is None or self._text.closed:
            return 0.0
        return self._text.buffer.tell() / self._size


def open_text(file: InputFile, options: ReadOptions) -> TextIO:
    """The file as text with its line ends. Bytes that are no UTF-8 become lone surrogates.

    Raises ReadError for what looks like UTF-16 but does not say so.
    """
    with file.path.open("rb") as raw:
        head = raw.read(4096)
    encoding = encoding_of(head, options.encoding)
    if is_utf8(encoding) and (order := _zeros(head)):
        raise ReadError(
            file.name, "looks like UTF-16 without a byte order mark", todo=f"give --encoding utf-16-{order}"
        )
    errors = "surrogateescape" if is_utf8(encoding) else "strict"
    return file.path.open(encoding=encoding, errors=errors, newline="")


def _zeros(head: bytes) -> str | None:
    """Byte order of UTF-16 of mostly ASCII characters: every other byte is zero."""
    half = len(head) // 2
    if half < 8:
        return None
    if head[1::2].count(0) > half * 0.9 and head[::2].count(0) < half * 0.1:
        return "le"
    if head[::2].count(0) > half * 0.9 and head[1::2].count(0) < half * 0.1:
        return "be"
    return None


def lines_of(text: TextIO, file: InputFile, options: ReadOptions, number: int = 0) -> Iterator[str]:
    """The lines after the first `number`, with their ends. Raises ReadError for one longer than a row may be."""
    while True:
        try:
            line = text.readline(options.row_max_bytes)
        except UnicodeDecodeError as error:
            raise ReadError(file.name, f"not {error.encoding}: {error.reason}", line=number + 1) from None
        if not line:
            return
        number += 1
        if len(line) >= options.row_max_bytes:
            raise ReadError(
                file.name,
                f"has a line of more than {options.row_max_bytes // 1_000_000} MB, which LOAD_ROW_MAX_MB limits",
                line=number,
            )
        yield line


def is_unicode(text: str) -> bool:
    """Whether a text came from whole UTF-8; bytes that are not become lone surrogates."""
    if text.isascii():
        return True
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
