"""How large a Parquet file of the lake may say it is, checked before a byte of its rows is decoded.

Compressed, a gigabyte of one value is some kilobytes, and a file may come from anybody who may write to the bucket. So
the bounds are those of what a writer can make, with room for other engines' ways of writing the same rows:

- A row has at most `ROW_MAX_BYTES`: texts have limits, all else has a fixed width.
- The writer splits what it lands at `LANDED_MAX_ROWS` rows. A month file has as many rows as its month has flights.
- How small the file is does not matter: a million rows that are all alike are 70 kB, and a writer may land them.
- A rejected line is as long as a message, so of rejected files it is the bytes that are split, and bounded.

A footer can lie, so what is counted is what the headers of the pages say: both Arrow and DuckDB make a buffer of that
size for each page, and refuse a page that has more or less. Then texts are read as dictionaries, each value once.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import UnreadableError
from lakehouse.schema.event import EVENT_SCHEMA, FIELD
from lakehouse.table.parquet_pages import Page, Read, pages

LANDED_MAX_ROWS: Final = 1_000_000
"""Of a landed or rejected file: the writer and `load` split what has more. A batch closes at 200,000 lines or 64 MB of
messages by default; stopping, a writer prepares up to its buffer's 600,000 lines and one pull as one batch."""
REJECTED_SPLIT_BYTES: Final = 64_000_000
"""Lines and attributes after which the writer begins another rejected file: its default batch."""
REJECTED_MAX_BYTES: Final = 4 * REJECTED_SPLIT_BYTES
"""Of a rejected file when it is read: one line more than where it is split, however long its message was."""
LANDED_MAX_BYTES: Final = LANDED_MAX_ROWS * 256
"""Of a landed object. Not even compressed a row takes more: 84 bytes of numbers and times, 65 of codes, 69 of a message
id, 32 of the texts' lengths."""
ATTRIBUTE_BYTES: Final = 16
"""What an attribute counts in addition to its texts: it takes that much in memory."""

_TEXT_MAX_BYTES: Final = 64  # ten characters of a tail number take 40, all others are codes of up to nine letters
_MESSAGE_ID_MAX_BYTES: Final = 256  # Pub/Sub's have 20 digits, those of a bulk load 69 characters
TEXT_MAX_BYTES: Final = {
    field.name: _TEXT_MAX_BYTES if FIELD[field.name].from_publisher else _MESSAGE_ID_MAX_BYTES
    for field in EVENT_SCHEMA
    if pa.types.is_string(field.type)
}
"""The longest text of each column of texts."""

_VALUE_BYTES: Final = 9  # the widest number, or a text's length, and its place in a dictionary or its being null
_COLUMN_MAX_BYTES: Final = {field.name: _VALUE_BYTES + TEXT_MAX_BYTES.get(field.name, 0) for field in EVENT_SCHEMA}
ROW_MAX_BYTES: Final = sum(_COLUMN_MAX_BYTES.values())

_FREE_BYTES: Final = 1_000_000  # of a column: headers of pages, and statistics in them
_FOOTER_BYTES: Final = 262_144  # 2.9 kB a row group; Arrow makes up to 200 times as much in memory of it
_FOOTER_SHARE: Final = 64  # a month file's footer is a thousandth of it
_ROW_GROUPS: Final = 64
_GROUP_ROWS: Final = 4_096  # ours have 122,880; those of other engines are never smaller than two of DuckDB's vectors
_PAGES: Final = 512  # a rejected line of a megabyte is a page
_PAGE_ROWS: Final = 1_024  # pyarrow's have 20,000, DuckDB's a row group's; each costs some microseconds to look at
# Every column has one in memory while a file is read, so many small files may cost that much at once.
_LANDED_PAGE_BYTES: Final = 2_097_152  # pyarrow begins another one at half of it, and looks every 1,024 values
_MONTH_PAGE_BYTES: Final = 67_108_864  # DuckDB's are a row group's: 122,880 of the longest texts take half of it


@dataclass(frozen=True)
class Limits:
    """What a kind of file may amount to."""

    max_rows: int | None
    """Of a file. None: its snapshot says how many there are."""
    column_bytes: dict[str, int]
    """Most bytes of a value by the column's path."""
    max_page_bytes: int
    max_column_bytes: int | None = None
    """Most bytes of a column, however many rows it has."""
    max_values: int | None = None
    """Values of a column in a row group; as many as rows when it is None."""


MONTH: Final = Limits(None, _COLUMN_MAX_BYTES, _MONTH_PAGE_BYTES)
LANDED: Final = Limits(LANDED_MAX_ROWS, _COLUMN_MAX_BYTES, _LANDED_PAGE_BYTES)
REJECTED: Final = Limits(
    LANDED_MAX_ROWS, {}, REJECTED_MAX_BYTES, REJECTED_MAX_BYTES, REJECTED_MAX_BYTES // ATTRIBUTE_BYTES
)


def check_landed_size(name: str, size: int) -> None:
    """By the listing, before it is downloaded. Raises UnreadableError."""
    if size > LANDED_MAX_BYTES:
        raise UnreadableError(name, f"has {size} bytes; a writer lands at most {LANDED_MAX_BYTES} in a file")


def check_footer_length(name: str, size: int, tail: bytes, limits: Limits) -> None:
    """Before a footer is parsed. `tail`: the file's last 8 bytes. Raises UnreadableError; other errors are Arrow's."""
    length = int.from_bytes(tail[:4], "little")
    most = _FOOTER_BYTES + (size // _FOOTER_SHARE if limits is MONTH else 0)
    if tail[4:] == b"PAR1" and most < length < size:
        raise UnreadableError(name, f"has a footer of {length} bytes in a file of {size} bytes; no writer makes that")


def check_footer(name: str, metadata: pq.FileMetaData, limits: Limits) -> None:
    """Rows, row groups and sizes as the footer says them. Raises UnreadableError."""
    rows = metadata.num_rows
    if limits.max_rows is not None and rows > limits.max_rows:
        raise UnreadableError(name, f"has {rows} rows; a writer lands at most {limits.max_rows} in a file")
    if metadata.num_row_groups > _ROW_GROUPS + rows // _GROUP_ROWS:
        raise UnreadableError(name, f"has {metadata.num_row_groups} row groups for {rows} rows")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.num_rows < 0 for group in groups) or sum(group.num_rows for group in groups) != rows:
        raise UnreadableError(name, f"has {rows} rows, and its row groups other numbers of them")
    for group in groups:
        for number in range(metadata.num_columns):
            chunk = group.column(number)
            _check_size(name, chunk.path_in_schema, chunk.total_uncompressed_size, group.num_rows, limits)


def check_pages(name: str, source: Path | bytes, metadata: pq.FileMetaData, limits: Limits) -> None:
    """What the headers of all pages say, whatever the footer does. Reads no page. Raises UnreadableError."""
    sizes = [0] * metadata.num_columns
    with _reading(source) as (read, file_size):
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            rows = group.num_rows
            for column in range(metadata.num_columns):
                chunk = group.column(column)
                if rows > 0 or chunk.num_values > 0:  # else its offsets say nothing
                    sizes[column] += _check_chunk(name, pages(read, file_size, chunk), chunk, rows, limits)
                if limits.max_column_bytes is not None:  # of all row groups together
                    _check_size(name, chunk.path_in_schema, sizes[column], metadata.num_rows, limits)


@contextmanager
def _reading(source: Path | bytes) -> Iterator[tuple[Read, int]]:
    """How to read parts of it, and its size."""
    if isinstance(source, bytes):
        yield lambda length, at: source[at : at + length], len(source)
        return
    with source.open("rb") as file:
        descriptor = file.fileno()
        yield lambda length, at: os.pread(descriptor, length, at), file.seek(0, io.SEEK_END)


def _check_chunk(
    name: str, found: Iterator[Page], chunk: pq.ColumnChunkMetaData, group_rows: int, limits: Limits
) -> int:
    """The bytes that its pages take."""
    column = chunk.path_in_schema
    size = rows = count = 0
    try:
        for page in found:
            size += page.size
            rows += page.rows
            count += 1
            _check_size(name, column, size, group_rows, limits)
            if page.size > limits.max_page_bytes:
                raise UnreadableError(
                    name, f"column {column} has a page of {page.size} bytes; {limits.max_page_bytes} is the most"
                )
            if count > _PAGES + max(rows, group_rows) // _PAGE_ROWS:
                raise UnreadableError(name, f"column {column} has more than {count - 1} pages for {group_rows} rows")
    except (LookupError, ValueError, TypeError) as error:
        raise UnreadableError(name, f"its pages cannot be decoded: those of column {column}: {error}") from error
    if rows != group_rows if limits.max_values is None else rows > limits.max_values:
        raise UnreadableError(name, f"column {column} has {rows} values in the pages of {group_rows} rows")
    return size


def _check_size(name: str, column: str, size: int, rows: int, limits: Limits) -> None:
    most = limits.max_column_bytes
    if most is None:
        # A column that is not ours is refused by its name, elsewhere.
        most = _FREE_BYTES + rows * limits.column_bytes.get(column, _VALUE_BYTES)
    if not 0 <= size <= most:
        raise UnreadableError(name, f"column {column} takes {size} bytes for {rows} rows; {most} is the most it may")
