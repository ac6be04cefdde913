"""CSV, strictly: what does not keep to its quotes is refused as a whole, since no line can be trusted then.

A quote that is never closed makes one cell of all lines up to the next quote. Python's parser takes
that for a long cell, and so does any other: what gives it away is that the cell holds rows of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from ingest_writer.backfill.readers.csv_lines import Lines
from ingest_writer.backfill.readers.header import FROM_FILE, check_header
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
from ingest_writer.backfill.readers.text import Share, is_unicode
from lakehouse.schema.event import FIELD
from lakehouse.schema.fields import Integer

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_INTEGER: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,8}))(?:\.0+)?", re.ASCII)
_FIGURE: Final = re.compile(r"[0-9]")
_INTEGER_FIELDS: Final = frozenset(name for name in FROM_FILE if isinstance(FIELD[name], Integer))
_SHOWN_CHARACTERS: Final = 100
_HOLDS_ROWS: Final = "a quoted cell holds what looks like rows of the file"
_NOT_KNOWN: Final = frozenset(("nan", "NaN"))
"""What programs write into a column of numbers where there is none."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One row as it was written: as many cells as the header has."""

    number: int
    line: int
    cells: list[str]
    lines: list[str]
    """Of the file, with their ends."""

    @property
    def raw(self) -> bytes:
        """The row's bytes."""
        return "".join(self.lines).rstrip("\r\n").encode(errors="surrogateescape")

    def refused(self, reason: str) -> RefusedRow:
        """The same row, for which there are no values."""
        return RefusedRow(self.number, self.line, self.raw, reason)


class CsvFile:
    """The header of a CSV file, and its rows. Raises ReadError, and OSError."""

    def __init__(self, file: InputFile, options: ReadOptions) -> None:
        self._file = file
        self._options = options
        self.share = Share(file)
        self.header_line = 1
        with closing(Lines(file, options)) as lines:
            self.encoding = lines.text.encoding
            first = next((line for line in lines if line.strip()), "")
            self.header_line = max(lines.number, 1)
        self.delimiter = options.delimiter or _delimiter(file, first, self.header_line)
        with closing(Lines(file, options)) as lines:
            self.header = tuple(_header(self.records(lines), lines))

    def rows(self) -> Iterator[Cells | RefusedRow]:
        """Every row below the header; blank lines are none."""
        with closing(self.lines()) as lines:
            for number, cells in enumerate(self.records(lines)):
                yield self.checked(number, cells, lines)

    def lines(self) -> Lines:
        """The lines below the header."""
        lines = Lines(self._file, self._options)
        self.share.follow(lines.text)
        _header(self.records(lines), lines)
        return lines

    def records(self, lines: Lines) -> Iterator[list[str]]:
        """The cells of each row; blank lines are none."""
        escape = self._options.csv_escape == "backslash"
        csv.field_size_limit(self._options.row_max_bytes)
        reader = csv.reader(
            lines,
            strict=True,
            delimiter=self.delimiter,
            doublequote=True,  # else Python takes what follows a closing quote as more of the cell
            escapechar="\\" if escape else None,
        )
        while True:
            lines.begin()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise self._quote_error(lines, str(error)) from None
            if cells is None:
                return
            if cells:
                yield cells

    def checked(self, number: int, cells: list[str], lines: Lines) -> Cells | RefusedRow:
        """The record that was read last, as a row. Raises ReadError."""
        if lines.count > 1:
            self._check_long_cells(cells, lines)
        row = Cells(number, lines.first, cells, lines.taken)
        reason = self._what_is_wrong(cells, lines.taken)
        return row if reason is None else row.refused(reason)

    def _what_is_wrong(self, cells: list[str], lines: list[str]) -> str | None:
        if not all(map(is_unicode, lines)):
            shown = self._shown(cells, lambda cell: not is_unicode(cell))
            return f"not UTF-8{shown}; give --encoding if the file has another, such as windows-1252"
        width = len(self.header)
        if len(cells) != width:
            more = "more" if len(cells) > width else "fewer"
            return f"the row has {more} cells than the header: {len(cells)}, not {width}"
        if any("\0" in line for line in lines):
            return "the row has a NUL byte" + self._shown(cells, lambda cell: "\0" in cell)
        return None

    def _shown(self, cells: list[str], is_wrong: Callable[[str], bool]) -> str:
        """The first of the cells that is wrong, for a reason: its column and value."""
        for name, cell in zip(self.header, cells, strict=False):
            if is_wrong(cell):
                text = cell[:_SHOWN_CHARACTERS]
                value = text if is_unicode(text) else text.encode(errors="surrogateescape")
                return f": {name} is {value!r}"
        return ""

    def _check_long_cells(self, cells: list[str], lines: Lines) -> None:
        """Raises ReadError if a cell holds other rows of the file, or may: then the row has another width."""
        if len(cells) != len(self.header):
            why = f"a row over several lines has {len(cells)} cells, the header {len(self.header)}"
            raise self._quote_error(lines, why, 0)
        full = [number for number, line in enumerate(lines.taken) if line.count(self.delimiter) >= len(cells) - 1]
        if len(full) > 1:  # whichever of their cells the quotes joined
            raise self._quote_error(lines, _HOLDS_ROWS, full[0])
        breaks = 0
        for column, cell in enumerate(cells):
            pieces = re.split(r"\r\n|\r|\n", cell)
            if len(pieces) > 1 and self._holds_rows(pieces, column, cells[0]):
                raise self._quote_error(lines, _HOLDS_ROWS, breaks)
            breaks += len(pieces) - 1

    def _holds_rows(self, pieces: list[str], column: int, first_cell: str) -> bool:
        most = max(len(self.header) - 1, 1)
        counts = [piece.count(self.delimiter) for piece in pieces]
        if any(count >= most for count in counts[1:-1]):
            return True
        if column and any(_begin_alike(piece, first_cell, self.delimiter) for piece in pieces[1:]):
            return True
        # Two rows side by side: the end of one, from this column on, and the beginning of the next, up to it.
        return counts[0] + counts[-1] >= most and counts[0] >= most - column and counts[-1] >= min(column, most)

    def _quote_error(self, lines: Lines, why: str, breaks: int | None = None) -> ReadError:
        line = lines.first + (_open_quote(lines.taken, self.delimiter) if breaks is None else breaks)
        return ReadError(
            self._file.name,
            f"a quote that opens here is not closed where the cell ends ({why})",
            line=line,
            todo='correct the line, or give --csv-escape backslash if the file writes a quote within a cell as \\"',
        )


def _begin_alike(line: str, first_cell: str, delimiter: str) -> bool:
    """Whether the line's first cell is written as the row's is, with figures in the same places: a row cut short."""
    begin, found, _ = line.partition(delimiter)
    shape = _FIGURE.sub("9", first_cell)
    return bool(found) and "9" in shape and _FIGURE.sub("9", begin) == shape


def _header(records: Iterator[list[str]], lines: Lines) -> list[str]:
    """The first record that is not blank."""
    return next((cells for cells in records if any(map(str.strip, lines.taken))), [])


def _delimiter(file: InputFile, header: str, line: int) -> str:
    """The one that separates the header's names."""
    if not header:
        return ","
    names = {each: _split(header, each) for each in DELIMITERS}
    scores = {each: sum(name in FROM_FILE for name in found) for each, found in names.items()}
    best = max(scores.values())
    if best == 0:  # no name of ours: the one that makes most columns
        scores = {each: len(found) - 1 for each, found in names.items()}
        best = max(scores.values())
    winners = [each for each, score in scores.items() if score == best]
    if len(winners) == 1 or best == 0:
        return winners[0]
    shown = " and ".join(DELIMITERS[each] for each in winners)
    raise ReadError(
        file.name, f"its header may be separated by {shown}", line=line, todo="give --delimiter with the right one"
    )


def _split(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return []


def _open_quote(lines: list[str], delimiter: str) -> int:
    """Which of the lines has the last quote that opens a cell."""
    opened, is_open, before = 0, False, delimiter
    for number, line in enumerate(lines):
        for character in line:
            if character == '"' and is_open:
                is_open, before = False, "closed"
                continue
            if character == '"' and before == "closed":  # doubled: the cell goes on
                is_open = True
            elif character == '"' and (before == delimiter or before in "\r\n"):
                is_open, opened = True, number
            before = character
    return opened


def _open(file: InputFile, options: ReadOptions) -> OpenFile:
    table = CsvFile(file, options)
    if not table.header:
        return OpenFile(iter(()))
    found = DELIMITERS.get(table.delimiter, repr(table.delimiter))
    todo = f"the header was read as separated by {found}; --delimiter gives another"
    ignored = check_header(file.name, table.header, table.header_line, todo)
    return OpenFile(_events(table), ignored, table.share)


def _events(table: CsvFile) -> Rows:
    """Rows with the fields of an event; an empty cell is an unknown value."""
    columns = [(number, name, name in _INTEGER_FIELDS) for number, name in enumerate(table.header) if name in FROM_FILE]
    for row in table.rows():
        if isinstance(row, RefusedRow):
            yield row
            continue
        values: dict[str, Any] = {}
        for number, name, is_integer in columns:
            if cell := row.cells[number]:
                values[name] = integer_cell(cell) if is_integer else cell
        yield FileRow(row.number, row.line, values)


def integer_cell(cell: str) -> int | str | None:
    """A cell of a column of integers: `5` and `5.0` are 5, `NaN` is unknown, and anything else stays a text."""
    if match := _INTEGER.fullmatch(cell):
        return int(match[1])
    return None if cell in _NOT_KNOWN else cell


def _recognises(head: Head) -> bool:
    line = next((line for line in head.text.splitlines() if line.strip()), "")
    return any(set(_split(line, each)) & set(FROM_FILE) for each in DELIMITERS)


CSV: Final = Format("csv", (".csv", ".tsv", ".txt", ".psv"), _recognises, _open)
