"""Checks and reads the lake's Parquet files. Any engine can read a file that passes.

What it may cost to read one is bounded before it is read: see `parquet_limits`.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.errors import FormatTooNewError, UnreadableError
from lakehouse.local_disk import local_disk_error
from lakehouse.schema.event import FORMAT_VERSION, REJECTED_SCHEMA, REQUIRED
from lakehouse.schema.versions import schema_of
from lakehouse.table.parquet_footer import check_structure
from lakehouse.table.parquet_limits import (
    LANDED,
    MONTH,
    REJECTED,
    REJECTED_MAX_BYTES,
    TEXT_MAX_BYTES,
    Limits,
    check_footer,
    check_footer_length,
    check_pages,
)

METADATA_KEY: Final = b"format_version"

_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 8  # the footer's length, and the magic
_SMALL_BYTES: Final = 65_536  # some thousand rows; each of the checks may have one in memory
_BATCH_ROWS = 65_536  # some 10 MB of rows
_TEXTS: Final = list(TEXT_MAX_BYTES)
_REJECTED_TEXTS: Final = (
    *("bytes", "stage", "reason", "message_id"),
    *("attributes.key_value.key", "attributes.key_value.value"),
)


@dataclass(frozen=True)
class MonthStats:
    """Row count and other statistics of a month file."""

    rows: int
    min_flight_date: dt.date
    max_flight_date: dt.date
    max_event_time: dt.datetime


@dataclass(frozen=True)
class FooterInfo:
    """What the Parquet footer of a file of events says."""

    rows: int
    format_version: int


def check_landed_file(name: str, path: Path, flight_date: dt.date) -> FooterInfo:
    """Reads the landed file whole.

    Raises UnreadableError when it is not Parquet, is larger than a writer can make it, has other columns, a null
    where none may be, or rows of another date; FormatTooNewError.
    """
    rows = 0
    source = _small(path)
    with _opened(name, source, LANDED) as (file, version):
        check_pages(name, source, file.metadata, LANDED)
        for batch in _batches(name, source, file.metadata):
            _check_no_nulls(name, batch)
            if pc.any(pc.not_equal(batch["flight_date"], pa.scalar(flight_date))).as_py():
                raise UnreadableError(name, f"has rows of another flight_date than {flight_date}")
            rows += batch.num_rows
    if rows == 0:
        raise UnreadableError(name, "has no rows")
    return FooterInfo(rows, version)


def row_count(path: Path) -> int:
    """Rows of a local file that has passed its check. Raises LocalDiskError."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise local_disk_error(path.parent, error) from error


def check_month_file(name: str, path: Path, expected: FooterInfo) -> None:
    """Looks at footer and headers of pages. Raises UnreadableError when columns, rows or sizes are not as expected;
    FormatTooNewError."""
    found = contents(name, path)
    if found.rows != expected.rows:
        raise UnreadableError(name, f"has {found.rows} rows, its snapshot says {expected.rows}")
    if found.format_version != expected.format_version:
        why = f"has format_version {found.format_version}, its snapshot says {expected.format_version}"
        raise UnreadableError(name, why)


def contents(name: str, path: Path) -> FooterInfo:
    """What the footer says. Raises UnreadableError when the columns are not those of its format; FormatTooNewError."""
    with _opened(name, path, MONTH) as (file, version):
        check_pages(name, path, file.metadata, MONTH)
        return FooterInfo(file.metadata.num_rows, version)


def read_rejected_file(name: str, path: Path) -> pa.Table:
    """The rows of a rejected file. Raises UnreadableError, FormatTooNewError."""
    with _opened(name, path, REJECTED) as (file, _):
        check_pages(name, path, file.metadata, REJECTED)
        with pq.ParquetFile(path, metadata=file.metadata, read_dictionary=_REJECTED_TEXTS) as short:
            table = short.read().combine_chunks()
        if (size := _decoded_bytes(table)) > REJECTED_MAX_BYTES:
            raise UnreadableError(name, f"its lines take {size} bytes; a writer stores at most {REJECTED_MAX_BYTES}")
        return table.cast(REJECTED_SCHEMA)


def rejected_rows(name: str, data: bytes) -> int:
    """The number of rows of a rejected file, by its footer. Raises UnreadableError, FormatTooNewError."""
    with _opened(name, data, REJECTED) as (file, _):
        return int(file.metadata.num_rows)


def batches(name: str, path: Path) -> Iterator[pa.RecordBatch]:
    """The events of the object `name`, some at a time; columns that its format has not are not there.

    Raises UnreadableError, FormatTooNewError.
    """
    with _opened(name, path, MONTH) as (file, version):
        check_pages(name, path, file.metadata, MONTH)
        schema = schema_of(version)
        for batch in _batches(name, path, file.metadata):
            yield batch.cast(schema)


def _batches(name: str, source: Path | bytes, metadata: pq.FileMetaData) -> Iterator[pa.RecordBatch]:
    """Rows, some at a time. Texts are dictionaries: each once, however many rows repeat it."""
    is_large = metadata.num_rows > _BATCH_ROWS  # else threads take longer to begin than they save
    texts = _texts_of(metadata)
    with pq.ParquetFile(_arrow(source), metadata=metadata, read_dictionary=texts, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=is_large):
            batch.validate(full=True)  # reading does not look whether strings are UTF-8
            for column in texts:
                if _longest(batch[column]) > (most := TEXT_MAX_BYTES[column]):
                    raise UnreadableError(name, f"column {column} has a text of more than {most} bytes")
            yield batch


def _texts_of(metadata: pq.FileMetaData) -> list[str]:
    """The text columns that a file of its format has."""
    there = metadata.schema.to_arrow_schema().names
    return [name for name in _TEXTS if name in there]


def _longest(texts: pa.DictionaryArray) -> int:
    """Bytes of the longest text; 0 if there is none."""
    return pc.max(pc.binary_length(texts.dictionary)).as_py() or 0


def _decoded_bytes(rejected: pa.Table) -> int:
    """What the texts of rejected lines, of which each is here once, take when each row has its own."""
    total = 0
    for column in rejected.columns:
        for chunk in column.chunks:
            for texts in (chunk.keys, chunk.items) if pa.types.is_map(chunk.type) else (chunk,):
                if pa.types.is_dictionary(texts.type):
                    lengths = pc.take(pc.binary_length(texts.dictionary), texts.indices)
                    total += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    return total


def check_schema(name: str, file: pq.ParquetFile, expected: pa.Schema | None = None) -> int:
    """The format of the file. `expected`: its columns; those of events in that format when it is None.

    Raises UnreadableError when the columns or their types differ; FormatTooNewError before that.
    """
    written = (file.metadata.metadata or {}).get(METADATA_KEY)
    if written is None or not written.isdigit() or int(written) == 0:
        raise UnreadableError(name, f"has format_version {written!r} in its metadata")
    version = int(written)
    if version > FORMAT_VERSION:
        raise FormatTooNewError(name, version, FORMAT_VERSION)
    expected = schema_of(version) if expected is None else expected
    found = file.schema_arrow
    if found.names != expected.names:
        raise UnreadableError(name, f"has columns {found.names}")
    for field in expected:
        if found.field(field.name).type != field.type:
            raise UnreadableError(name, f"column {field.name} is {found.field(field.name).type}, not {field.type}")
    return version


@contextmanager
def _opened(name: str, source: Path | bytes, limits: Limits) -> Iterator[tuple[pq.ParquetFile, int]]:
    """The file, whose footer has been checked, and its format."""
    try:
        check_structure(_footer(name, source, limits))
        with pq.ParquetFile(_arrow(source)) as file:
            version = check_schema(name, file, REJECTED_SCHEMA if limits is REJECTED else None)
            check_footer(name, file.metadata, limits)
            yield file, version
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None and isinstance(source, Path):
            raise local_disk_error(source.parent, error) from error  # the file system's: says nothing of the object
        # ValueError: names in the footer that are not UTF-8
        why = str(error).partition("\n")[0][:200]
        raise UnreadableError(name, f"not a whole Parquet file: {why}") from error


def _small(path: Path) -> Path | bytes:
    """Its bytes, if it is small: then looking at its parts takes no call each. Raises LocalDiskError."""
    try:
        return path.read_bytes() if path.stat().st_size <= _SMALL_BYTES else path
    except OSError as error:
        raise local_disk_error(path.parent, error) from error


def _arrow(source: Path | bytes) -> Path | pa.BufferReader:
    """What Arrow opens."""
    return pa.BufferReader(source) if isinstance(source, bytes) else source


def _footer(name: str, source: Path | bytes, limits: Limits) -> bytes:
    """What Arrow parses first, once it has a length that may be. Raises ValueError, UnreadableError, OSError."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read(_TAIL_BYTES)
        check_footer_length(name, size, tail, limits)
        start = size - _TAIL_BYTES - int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or start < len(_MAGIC):
            raise ValueError("it does not end as one")
        file.seek(start)
        return file.read(size - _TAIL_BYTES - start)


def _check_no_nulls(name: str, batch: pa.RecordBatch) -> None:
    for column in REQUIRED:
        if batch[column].null_count:
            raise UnreadableError(name, f"column {column} has nulls")
