"""JSON that is no NDJSON: an array of events, an answer of the API (`{"data": [...]}`), objects over several lines.

It is read object by object, so a file may be larger than memory. Text that is not JSON hides where
the next object begins, so the file is refused.
"""

from __future__ import annotations

import json
import re
from typing import Final, TextIO

from ingest_writer.backfill.readers.model import (
    FileRow,
    Format,
    Head,
    InputFile,
    OpenFile,
    ReadError,
    ReadOptions,
    RefusedRow,
    Rows,
)
from ingest_writer.backfill.readers.ndjson import NDJSON
from ingest_writer.backfill.readers.text import Share, open_text
from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.line import parse_object

_PIECE_CHARACTERS: Final = 1 << 18
_DATA: Final = re.compile(r'\s*\{\s*"data"\s*:\s*\[')
_BLANK: Final = re.compile(r"\s*")
_DECODER: Final = json.JSONDecoder(object_pairs_hook=lambda _: None, parse_int=len, parse_float=len)  # ends alone


class _Text:
    """The text of the file from where it is read on, as much as one value needs."""

    def __init__(self, file: InputFile, options: ReadOptions, text: TextIO) -> None:
        self._file = file
        self._text = text
        self._max = options.row_max_bytes
        self._buffer = ""
        self._begin = 0
        self.line = 1

    def next_character(self) -> str:
        """The next one that is not blank, which stays; empty at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._begin)
            self.skip(match.end() if match else self._begin)
            if self._begin < len(self._buffer) or not self._more():
                return self._buffer[self._begin : self._begin + 1]

    def skip(self, end: int | None = None) -> None:
        """Goes on after `end`, or after the next character."""
        end = self._begin + 1 if end is None else end
        self.line += self._buffer.count("\n", self._begin, end)
        self._begin = end

    def skip_match(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern comes next; then goes on after it."""
        if match := pattern.match(self._buffer, self._begin):
            self.skip(match.end())
        return match is not None

    def value(self) -> str:
        """The next value as it is written. Raises ReadError if there is none."""
        while True:
            try:
                _, end = _DECODER.raw_decode(self._buffer, self._begin)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise self._no_json(error) from None
                continue
            if end < len(self._buffer) or not self._more():  # a number may go on
                text = self._buffer[self._begin : end]
                self.skip(end)
                return text

    def _more(self) -> bool:
        """Reads on. Raises ReadError when one value would become too large."""
        rest = self._buffer[self._begin :]
        if len(rest) > self._max:
            raise self.error(f"a value of more than {self._max // 1_000_000} MB, which LOAD_ROW_MAX_MB limits")
        try:
            piece = self._text.read(max(_PIECE_CHARACTERS, len(rest)))
        except UnicodeDecodeError as error:
            raise self.error(f"not {error.encoding}: {error.reason}") from None
        self._buffer, self._begin = rest + piece, 0
        return bool(piece)

    def _no_json(self, error: Exception) -> ReadError:
        if isinstance(error, json.JSONDecodeError):
            self.skip(min(error.pos, len(self._buffer)))
            return self.error(f"not JSON: {error.msg}")
        return self.error("not JSON: nested too deep" if isinstance(error, RecursionError) else f"not JSON: {error}")

    def error(self, why: str) -> ReadError:
        return ReadError(self._file.name, why, line=self.line)


def _open(file: InputFile, options: ReadOptions) -> OpenFile:
    open_text(file, options).close()
    share = Share(file)
    return OpenFile(_rows(file, options, share), share=share)


def _rows(file: InputFile, options: ReadOptions, share: Share) -> Rows:
    with share.follow(open_text(file, options)) as opened:
        text = _Text(file, options, opened)
        first = text.next_character()
        is_answer = text.skip_match(_DATA)
        if is_answer:
            yield from _array(text)
            _skip_rest(text)
        elif first == "[":
            text.skip()
            yield from _array(text)
            if text.next_character():
                raise text.error("something follows the array")
        else:
            number = 0
            while text.next_character():
                yield _row(number, text)
                number += 1


def _array(text: _Text) -> Rows:
    """The values of an array whose bracket was read."""
    number = 0
    while (character := text.next_character()) != "]":
        if number and character != ",":
            raise text.error("a comma is missing, or the file is cut short")
        if number:
            text.skip()
            text.next_character()
        yield _row(number, text)
        number += 1
    text.skip()


def _skip_rest(text: _Text) -> None:
    """What follows the events in an answer of the API: names and values up to the closing brace."""
    while (character := text.next_character()) == ",":
        text.skip()
        text.next_character()
        text.value()
        if text.next_character() != ":":
            break
        text.skip()
        text.next_character()
        text.value()
    if character != "}":
        raise text.error("the object that holds the events is not closed")


def _row(number: int, text: _Text) -> FileRow | RefusedRow:
    line = text.line
    raw = text.value().encode(errors="surrogateescape")
    try:
        return FileRow(number, line, parse_object(raw, keep_numbers=True), raw)
    except RejectError as error:
        return RefusedRow(number, line, raw, error.reason)


def _recognises(head: Head) -> bool:
    """An array, an answer of the API, or an object that does not end with its line, or does not end it."""
    text = head.text.lstrip()
    if text.startswith("[") or _DATA.match(text):
        return True
    if not text.startswith("{") or head.suffix in NDJSON.suffixes:
        return False
    line, newline, _ = text.partition("\n")
    try:
        _, end = _DECODER.raw_decode(line)
    except (ValueError, RecursionError):
        return bool(newline)
    return bool(line[end:].strip())


JSON: Final = Format("json", (".json",), _recognises, _open)
