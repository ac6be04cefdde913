"""The lines of a CSV file, as its parser takes them."""

from __future__ import annotations

import csv
from functools import partial
from typing import TextIO

from ingest_writer.backfill.readers.model import InputFile, ReadOptions
from ingest_writer.backfill.readers.text import lines_of, open_text


class Lines:
    """The lines of a file, and which of them the current record took."""

    def __init__(self, file: InputFile, options: ReadOptions) -> None:
        self.text: TextIO = open_text(file, options)
        self._read_on = partial(lines_of, self.text, file, options)
        self._lines = self._read_on()
        self._max = options.row_max_bytes
        self._size = 0
        self.characters = 0
        self.number = 0
        self.first = 1
        self.taken: list[str] = []

    @property
    def count(self) -> int:
        return len(self.taken)

    def begin(self) -> None:
        """A new record begins with the next line."""
        self.first = self.number + 1
        self._size = 0
        self.taken = []

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.characters += len(line)
        self._size += len(line)
        self.taken.append(line)
        if self._size > self._max:
            raise csv.Error(f"a row of more than {self._max // 1_000_000} MB, which LOAD_ROW_MAX_MB limits")
        return line

    def skip(self, lines: int, characters: int) -> None:
        """Leaves out lines that were read otherwise; in a text of one byte a character."""
        self.number += lines
        self.characters += characters
        self.text.seek(self.characters)
        self._lines = self._read_on(self.number)

    def close(self) -> None:
        self.text.close()
