"""Parquet files that are small to store and large to read, and files whose footers do not say so."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.schema.event import FORMAT_VERSION
from tests._support.lakes.rows import row, table


def events(rows: int, day: str = "2013-01-01", **changes: Any) -> pa.Table:
    """The same event again and again."""
    one = table([row(day, **changes)])
    return pa.table({name: _repeated(one[name][0], rows) for name in one.column_names})


def _repeated(value: pa.Scalar, rows: int) -> pa.Array:
    """Texts only once: they may be long."""
    if not (value.is_valid and pa.types.is_string(value.type)):
        return pa.repeat(value, rows)
    return pa.DictionaryArray.from_arrays(
        pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value.as_py()], value.type)
    )


def encoded(rows: pa.Table, note: bytes | None = None, **options: Any) -> bytes:
    """A whole file with our metadata; `note` is kept in the footer, `options` are those of `ParquetWriter`."""
    row_group_size = options.pop("row_group_size", None)
    out = io.BytesIO()
    with pq.ParquetWriter(out, rows.schema, compression="zstd", store_schema=False, **options) as writer:
        writer.write_table(rows, row_group_size)
        writer.add_key_value_metadata({"format_version": str(FORMAT_VERSION), **({"note": note} if note else {})})
    return out.getvalue()


@cache
def many_rows(day: str = "2013-01-01") -> bytes:
    """A million rows and one in 70 kB."""
    return encoded(events(1_000_001, day))


@cache
def long_text(column: str = "tail_number", day: str = "2013-01-01") -> bytes:
    """A text of half a megabyte in 50,000 rows: 25 GB in some ten kilobytes."""
    return encoded(events(50_000, day, **{column: "N" * 500_000}))


@cache
def long_page() -> bytes:
    """A text of 60 MB, once."""
    return encoded(events(1, tail_number="N" * 60_000_000), write_statistics=False)


@cache
def long_page_with_a_footer_that_lies() -> bytes:
    """The same, where the footer says that the column takes 100 bytes."""
    data = long_page()
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    column = metadata.schema.names.index("tail_number")
    size = metadata.row_group(0).column(column).total_uncompressed_size
    true, at = _zigzag(size), len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert data[at:].count(true) == 1
    return data[:at] + data[at:].replace(true, _zigzag(100, len(true)))


@cache
def tiny_row_groups() -> bytes:
    """A thousand row groups of a row."""
    return encoded(events(1_000), row_group_size=1)


@cache
def huge_footer() -> bytes:
    """Two megabytes in addition to the rows, which compress well."""
    return encoded(events(1), note=b"x" * 2_000_000)


@cache
def amplifying_encoding() -> bytes:
    """Each text repeats the one before it, whole, for a byte."""
    return encoded(
        events(10_000, tail_number="N" * 60), use_dictionary=False, column_encoding={"tail_number": "DELTA_BYTE_ARRAY"}
    )


@cache
def large_pages() -> bytes:
    """Ids of 200 bytes, of which a page has 4 MB: every file that is read at once would need as much a column."""
    return encoded(events(50_000, message_id="1" * 200), use_dictionary=False, data_page_size=1 << 30)


@cache
def tiny_pages() -> bytes:
    """A page for each of 3,000 rows."""
    return encoded(events(3_000), use_dictionary=False, data_page_size=1, write_batch_size=1)


@cache
def pages_of_version_2() -> bytes:
    """They may say of levels what fits into no page."""
    return encoded(events(10), data_page_version="2.0")


@cache
def dictionary_that_promises_more() -> bytes:
    """Dictionaries of a value that say they have 63: readers make room for what they say."""
    data = encoded(events(10), write_statistics=False)
    one, many = b"L\x15\x02\x15\x00", b"L\x15\x7e\x15\x00"
    assert one in data
    return data.replace(one, many)


def _zigzag(number: int, length: int = 0) -> bytes:
    """The number as Thrift's compact protocol writes it, in at least so many bytes."""
    value, out = number << 1, bytearray()
    while value > 127 or len(out) + 1 < length:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
