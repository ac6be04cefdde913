"""What a reader is given, and what it gives: rows, refused rows, or one error for the whole file.

A reader knows the format of a file and nothing of storage, months or the order of events.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from lakehouse.errors import ConfigError

HEAD_BYTES: Final = 65_536
"""Of a file, by which its format is recognised: the longest header of 110 columns has 2,000."""


def printable(text: str) -> str:
    """The text without what a terminal would obey or no encoding has: names of files may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Progress(Protocol):
    """Hears how far a load is."""

    def step(self, what: str, unit: str = "rows") -> None: ...

    def at(self, done: int, share: float) -> None: ...

    def done(self) -> None: ...


class Silent:
    """Shows no progress."""

    def step(self, what: str, unit: str = "rows") -> None: ...

    def at(self, done: int, share: float) -> None: ...

    def done(self) -> None: ...


class ReadError(ConfigError):
    """The file cannot be read as a whole: nothing of it is loaded, nor of the files given with it."""

    def __init__(self, file: str, why: str, *, line: int | None = None, todo: str = "") -> None:
        where = file if line is None else f"{file}, line {line}"
        super().__init__(printable(f"{where}: {why}" + (f"; {todo}" if todo else "")))
        self.file = file
        self.line = line


@dataclass(frozen=True)
class InputFile:
    """Bytes on this machine, with the name by which the caller knows them (`x.zip/flights.csv`)."""

    name: str
    path: Path


@dataclass(frozen=True)
class ReadOptions:
    """What the caller says about the files; None is found out from each of them."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    csv_escape: str = "double"
    """How a quote within a quoted cell is written: `double` (`""`) or `backslash` (`\\"`)."""
    row_max_bytes: int = 10_000_000
    packed_batch_max_bytes: int = 1_000_000_000
    as_of: dt.datetime | None = None
    """`event_time` of rows in formats that have none."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: its number from 0, its line as an editor counts, and the fields of an event by name.

    A field that is None or absent is unknown; fields that no event has are counted and ignored. `raw`
    is kept if the row is rejected; without it the values are, as JSON.
    """

    number: int
    line: int
    values: Mapping[str, Any]
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row that has no values: its bytes, and why."""

    number: int
    line: int
    raw: bytes
    reason: str


Rows = Iterator[FileRow | RefusedRow]


@dataclass(frozen=True)
class RowBlock:
    """Some thousand rows, the first of them with that number: fields of events as columns of their types.

    The columns are right for each row that is not odd, as `rows` would have them; odd rows are taken from there.
    """

    number: int
    columns: Mapping[str, pa.Array]
    is_odd: pa.Array
    rows: Callable[[list[int]], Rows]
    """Those rows of the block (counted from 0) one by one, in their order."""


@dataclass(frozen=True)
class OpenFile:
    """A file whose header was checked; its rows are read while they are asked for.

    Every row of the file comes out, as one or the other. `rows` raises ReadError.
    """

    rows: Rows
    ignored: tuple[str, ...] = ()
    """Columns that no event has."""
    share: Callable[[], float] = lambda: 0.0
    """How much of the file was read, up to 1; 0 is not known."""
    notes: Callable[[], Sequence[str]] = tuple
    """What the summary says about the file after its last row, one line each."""
    blocks: Iterator[RowBlock | FileRow | RefusedRow] | None = None
    """The same rows, most of them many at once, if the reader can; to be read instead of `rows`."""


@dataclass(frozen=True)
class Head:
    """The beginning of a file, by which its format is recognised."""

    suffix: str
    """Of the name, in lower case: `.csv`."""
    data: bytes
    text: str
    """The same as text, by its byte order mark or as UTF-8."""


@dataclass(frozen=True)
class Format:
    """A reader: its name for `--format`, how its files are recognised, how one is opened."""

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Head], bool]
    open: Callable[[InputFile, ReadOptions], OpenFile]
    """Checks the header before any row. Raises ReadError, or OSError."""
