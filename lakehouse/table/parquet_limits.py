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

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import UnreadableError
from lakehouse.schema.event import EVENT_SCHEMA, FIELD

LANDED_MAX_ROWS: Final = 1_000_000
"""Of a landed or rejected file. Five times the writer's default batch; a row may take some hundred bytes in memory."""
REJECTED_SPLIT_BYTES: Final = 64_000_000
"""Lines and attributes after which the writer begins another rejected file: its default batch."""
REJECTED_MAX_BYTES: Final = 4 * REJECTED_SPLIT_BYTES
"""Of a rejected file when it is read: one line more than where it is split, however long its message was."""
ATTRIBUTE_BYTES: Final = 16
"""What an attribute counts beside its texts: it takes that much in memory."""

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
_MAGIC_BYTES: Final = 4
_TAIL_BYTES: Final = 8

_AMPLIFYING: Final = 7  # DELTA_BYTE_ARRAY: each value may repeat the one before it, whole, for a byte; nobody writes it
_HEADER_MAX_BYTES: Final = 65_536  # statistics have the shortest and the longest value


@dataclass(frozen=True)
class Limits:
    """What a kind of file may amount to."""

    max_rows: int | None
    """Of a file. None: its snapshot says how many there are."""
    column_bytes: dict[str, int]
    """Most bytes of a value by the column's path."""
    max_column_bytes: int | None = None
    """Most bytes of a column, however many rows it has."""
    max_values: int | None = None
    """Values of a column in a row group; as many as rows when it is None."""


MONTH: Final = Limits(None, _COLUMN_MAX_BYTES)
LANDED: Final = Limits(LANDED_MAX_ROWS, _COLUMN_MAX_BYTES)
REJECTED: Final = Limits(LANDED_MAX_ROWS, {}, REJECTED_MAX_BYTES, REJECTED_MAX_BYTES // ATTRIBUTE_BYTES)


def check_footer_length(name: str, size: int, tail: bytes) -> None:
    """Before a footer is parsed. `tail`: the file's last 8 bytes. Raises UnreadableError; other errors are Arrow's."""
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] == b"PAR1" and _FOOTER_BYTES + size // _FOOTER_SHARE < length < size:
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


def check_pages(name: str, path: Path, metadata: pq.FileMetaData, limits: Limits) -> None:
    """What the headers of all pages say, whatever the footer does. Reads no page. Raises UnreadableError."""
    sizes = [0] * metadata.num_columns
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            for column in range(metadata.num_columns):
                chunk = group.column(column)
                sizes[column] += _check_chunk(name, data, chunk, group.num_rows, limits)
                if limits.max_column_bytes is not None:  # of all row groups together
                    _check_size(name, chunk.path_in_schema, sizes[column], metadata.num_rows, limits)


def _check_chunk(name: str, data: mmap.mmap, chunk: pq.ColumnChunkMetaData, rows: int, limits: Limits) -> int:
    """The bytes that its pages take."""
    if rows == chunk.num_values == 0:  # its offsets say nothing
        return 0
    column = chunk.path_in_schema
    size = values = 0
    try:
        for page in _pages(data, chunk):
            size += page.size
            values += page.values
            _check_size(name, column, size, rows, limits)
            if page.encoding == _AMPLIFYING:
                raise UnreadableError(name, f"column {column} has pages of the encoding DELTA_BYTE_ARRAY")
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableError(name, f"its pages cannot be decoded: those of column {column}") from error
    if values != rows if limits.max_values is None else values > limits.max_values:
        raise UnreadableError(name, f"column {column} has {values} values in the pages of {rows} rows")
    return size


def _check_size(name: str, column: str, size: int, rows: int, limits: Limits) -> None:
    most = limits.max_column_bytes
    if most is None:
        # A column that is not ours is refused by its name, elsewhere.
        most = _FREE_BYTES + rows * limits.column_bytes.get(column, _VALUE_BYTES)
    if not 0 <= size <= most:
        raise UnreadableError(name, f"column {column} takes {size} bytes for {rows} rows; {most} is the most it may")


@dataclass(frozen=True)
class _Page:
    """What the header of a page says of it; a dictionary has no values of rows."""

    size: int
    values: int
    encoding: int


def _pages(data: mmap.mmap, chunk: pq.ColumnChunkMetaData) -> Iterator[_Page]:
    """Every page of a column chunk. Raises LookupError, ValueError, TypeError or AttributeError for what are none."""
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        at = min(at, chunk.dictionary_page_offset)
    end = at + chunk.total_compressed_size
    if not _MAGIC_BYTES <= at <= end <= len(data) - _TAIL_BYTES:
        raise ValueError("outside of the file")
    while at < end:
        reader = _Thrift(data[at : min(end, at + _HEADER_MAX_BYTES)])
        header = reader.struct()
        size, stored = header[2], header[3]
        if size < 0 or stored < 0:
            raise ValueError("a negative size")
        about = header.get(5) or header.get(8)
        encoding = 0 if about is None else about[2 if 5 in header else 4]
        yield _Page(size + reader.at, 0 if about is None else about[1], encoding)
        at += reader.at + stored
    if at != end:
        raise ValueError("a page beyond the end")


class _Thrift:
    """Just enough of the compact protocol to read a page's header: numbers and structs, all else is skipped."""

    _DEPTH = 4

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Its numbers and structs, by field."""
        if depth > self._DEPTH:
            raise ValueError("structs in structs in structs")
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
            found[field] = self._value(head & 15, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):
            return None  # a boolean: the kind is its value
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 8:
            length = self._varint()
            self.at += length
            return None
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError("nothing that a page's header has")

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number without end")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
