"""CSV by blocks of lines that are certainly a row each, which Arrow parses; all else row by row.

A block has no line that is blank, of another width than the header, or whose quotes do anything but
enclose a cell. So each of its lines is one row to every parser, whatever the lines around it are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ingest_writer.backfill.readers.csv import Cells, CsvFile
from ingest_writer.backfill.readers.model import InputFile, RefusedRow

BYTE_BY_BYTE: Final = "iso8859-1"
"""The encoding of files that are read by blocks: a byte is a character."""
MOST_COLUMNS: Final = 1000
"""Files with more are read row by row: RE2, which Arrow looks for ordinary lines with, repeats nothing more often."""
_MOST_BYTES: Final = 4_000_000  # 20,000 rows of the DOT's: larger blocks save no more time
_LEAST_BYTES: Final = 65_536  # of what is read row by row where a block would not do, then the next is tried


@dataclass(frozen=True)
class CsvBlock:
    """Rows of a file, a line each: the number and the line of the first one, their bytes, their cells as bytes."""

    first_number: int
    first_line: int
    data: bytes
    delimiter: str
    columns: pa.Table

    @property
    def num_rows(self) -> int:
        """How many rows and lines it has."""
        return int(self.columns.num_rows)

    def column(self, position: int) -> pa.Array:
        """The cells of one of the columns that were asked for."""
        return self.columns.column(str(position)).combine_chunks()

    def rows(self, chosen: list[int]) -> Iterator[Cells]:
        """Some of the rows as they are read one by one."""
        lines = self.data.decode(BYTE_BY_BYTE).split("\n") if chosen else []
        for at in chosen:
            line = lines[at] + "\n"
            cells = next(csv.reader([line], strict=True, delimiter=self.delimiter))
            yield Cells(self.first_number + at, self.first_line + at, cells, [line])


class CsvBlocks:
    """Reads a file in blocks, of which only some columns are parsed. Raises ReadError, and OSError."""

    def __init__(self, file: InputFile, table: CsvFile, positions: list[int], row_max_bytes: int) -> None:
        self._file = file
        self._table = table
        self._names = [str(position) for position in range(len(table.header))]
        self._chosen = [str(position) for position in positions]
        self._most_bytes = min(_MOST_BYTES, row_max_bytes - 1)  # so that no line is longer than it may be
        self._is_ordinary = _ordinary(table.delimiter, len(table.header))

    def __iter__(self) -> Iterator[CsvBlock | Cells | RefusedRow]:
        """Every row below the header, once and in order."""
        number, size = 0, self._most_bytes
        with closing(self._table.lines()) as lines, self._file.path.open("rb") as data:
            records = self._table.records(lines)
            while True:
                block = self._read(data, lines.characters, size, number, lines.number + 1)
                if block is not None:
                    lines.skip(block.num_rows, len(block.data))
                    number += block.num_rows
                    size = min(2 * size, self._most_bytes)
                    yield block
                    continue
                if size > _LEAST_BYTES:
                    size //= 2
                    continue
                end = lines.characters + _LEAST_BYTES
                while lines.characters < end:
                    if (cells := next(records, None)) is None:
                        return
                    yield self._table.checked(number, cells, lines)
                    number += 1

    def _read(self, data: IO[bytes], at: int, size: int, number: int, line: int) -> CsvBlock | None:
        """The whole lines from there on; None if one of them is not certainly a row."""
        data.seek(at)
        text = data.read(size)
        text = text[: text.rfind(b"\n") + 1]
        if not text or not pc.match_substring_regex(pa.array([text], pa.binary()), self._is_ordinary)[0].as_py():
            return None
        cells = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=self._names),
            parse_options=arrow_csv.ParseOptions(delimiter=self._table.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self._chosen, pa.binary()),
                include_columns=self._chosen,
                null_values=[],
                strings_can_be_null=False,
            ),
        )
        return CsvBlock(number, line, text, self._table.delimiter, cells)


def _ordinary(delimiter: str, width: int) -> str:
    """Of lines with so many cells, each bare and without a quote, or wholly in quotes."""
    between = re.escape(delimiter)
    cell = rf'(?:[^"{between}\r\n\x00]*|"(?:[^"\r\n\x00]|"")*")'
    return rf"\A(?:(?:{cell}{between}){{{width - 1}}}{cell}\r?\n)*\z"
