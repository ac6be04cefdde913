"""Walks the pages of a Parquet column chunk by their headers, without reading a page.

A footer can lie. What the headers say is what Arrow and DuckDB make buffers of, and a page that has
more or less is refused by both. So a header has to mean the same to every reader: anything that one
of them might take otherwise - a field twice, a number that does not fit, an unknown kind of page -
is an error here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from lakehouse.table.parquet_footer import varint

_DICTIONARY: Final = 2
_ABOUT: Final = {0: 5, _DICTIONARY: 7}
"""The field that says more, by the kind of page. Pages of version 2 are written by nobody here."""
_PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY = 0, 2, 8
_ENCODINGS: Final = (_PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY)
"""What pyarrow and DuckDB write. In others a few bytes can say a long text, or how much to make room for."""
_MIN_VALUE_BYTES: Final = 4  # of a dictionary: a number, or a text's length; readers make room for as many as it says

_MAGIC_BYTES: Final = 4
_TAIL_BYTES: Final = 8
_HEADER_BYTES: Final = 256  # nearly every header, also with statistics
_HEADER_MAX_BYTES: Final = 65_536  # statistics have the shortest and the longest value
_DEPTH: Final = 3
_MAX_INT32: Final = 2**31 - 1


class Page(NamedTuple):
    """What a page's header says. `size`: bytes in memory; `rows`: 0 of a dictionary."""

    size: int
    rows: int


Read = Callable[[int, int], bytes]
"""As many bytes of the file, from there on; fewer where it ends."""


def pages(read: Read, file_size: int, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """Every page of a column chunk of the file that `read` reads.

    Raises LookupError, ValueError or TypeError for what is none.
    """
    at, end = _range(chunk, file_size)
    is_first = True
    while at < end:
        header, length = _header(read, at, end)
        kind, size, stored = header[1], header[2], header[3]
        about = header[_ABOUT[kind]]
        values, encoding = about[1], about[2]
        if not (0 <= size <= _MAX_INT32 and 0 <= stored <= end - at - length and 0 <= values <= _MAX_INT32):
            raise ValueError("a size that cannot be")
        if encoding not in _ENCODINGS or len(header.keys() & {5, 6, 7, 8}) != 1:
            raise ValueError("an encoding or a kind of page that nobody writes here")
        if kind == _DICTIONARY and not (is_first and values * _MIN_VALUE_BYTES <= size):
            raise ValueError("a dictionary of more values than it has bytes for, or a second one")
        yield Page(size + length, 0 if kind == _DICTIONARY else values)
        at += length + stored
        is_first = False


def _range(chunk: pq.ColumnChunkMetaData, file_size: int) -> tuple[int, int]:
    """Where its pages begin and end. Readers differ in where they begin unless the dictionary is first."""
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        if chunk.dictionary_page_offset >= at:
            raise ValueError("a dictionary after the pages that need it")
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    if not _MAGIC_BYTES <= at <= end <= file_size - _TAIL_BYTES:
        raise ValueError("outside of the file")
    return at, end


def _header(read: Read, at: int, end: int) -> tuple[dict[int, Any], int]:
    """The fields of the header at `at`, and its length."""
    try:
        return _struct(read(min(_HEADER_BYTES, end - at), at), 0, 0)
    except IndexError:  # a long one
        return _struct(read(min(_HEADER_MAX_BYTES, end - at), at), 0, 0)


def _struct(data: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """Numbers and structs by field, and where it ends: Thrift's compact protocol, as much of it as headers have."""
    if depth > _DEPTH:
        raise ValueError("structs in structs in structs")
    found: dict[int, Any] = {}
    field = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        if head >> 4 == 0:
            raise ValueError("fields out of order")  # each is below 16 and follows the one before it
        field += head >> 4
        kind = head & 15
        value: Any = None  # of a boolean its kind is the value
        if kind in (5, 6):
            value, at = _integer(data, at)
        elif kind == 12:
            value, at = _struct(data, at, depth + 1)
        elif kind == 8:
            length, at = varint(data, at)
            at += length
        elif kind not in (1, 2):
            raise ValueError("nothing that a page's header has")
        found[field] = value


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = varint(data, at)
    return (value >> 1) ^ -(value & 1), at
