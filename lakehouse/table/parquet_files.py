"""Writes and checks the lake's Parquet files. Any engine can read a file that passes."""

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

METADATA_KEY: Final = b"format_version"
COMPRESSION: Final = "zstd"

_BATCH_ROWS = 65_536  # some 10 MB of rows


def to_parquet(table: pa.Table) -> bytes:
    """The bytes of a landed or rejected file with the rows of `table` (one of the two schemas)."""
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, compression=COMPRESSION, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY.decode(): str(FORMAT_VERSION)})
    return out.getvalue()


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

    Raises UnreadableError when it is not Parquet, has other columns, a null where none may be, or rows of
    another date; FormatTooNewError.
    """
    rows = 0
    with _opened(name, path) as (file, version):
        for batch in _batches(file):
            _check_no_nulls(name, batch)
            if pc.any(pc.not_equal(batch["flight_date"], pa.scalar(flight_date))).as_py():
                raise UnreadableError(name, f"has rows of another flight_date than {flight_date}")
            rows += batch.num_rows
    if rows == 0:
        raise UnreadableError(name, "has no rows")
    return FooterInfo(rows, version)


def check_month_file(name: str, path: Path, expected: FooterInfo) -> None:
    """Looks at the footer. Raises UnreadableError when columns or rows are not as expected; FormatTooNewError."""
    found = contents(name, path)
    if found.rows != expected.rows:
        raise UnreadableError(name, f"has {found.rows} rows, its snapshot says {expected.rows}")
    if found.format_version != expected.format_version:
        why = f"has format_version {found.format_version}, its snapshot says {expected.format_version}"
        raise UnreadableError(name, why)


def contents(name: str, path: Path) -> FooterInfo:
    """What the footer says. Raises UnreadableError when the columns are not those of its format; FormatTooNewError."""
    with _opened(name, path) as (file, version):
        return FooterInfo(file.metadata.num_rows, version)


def read_rejected_file(name: str, path: Path) -> pa.Table:
    """The rows of a rejected file. Raises UnreadableError, FormatTooNewError."""
    with _opened(name, path, REJECTED_SCHEMA) as (file, _):
        return file.read()


def batches(name: str, path: Path) -> Iterator[pa.RecordBatch]:
    """The events of the object `name`, some at a time; columns that its format has not are not there.

    Raises UnreadableError, FormatTooNewError.
    """
    with _opened(name, path) as (file, _):
        yield from _batches(file)


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        batch.validate(full=True)  # reading does not look whether strings are UTF-8
        yield batch


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
def _opened(name: str, path: Path, expected: pa.Schema | None = None) -> Iterator[tuple[pq.ParquetFile, int]]:
    try:
        with pq.ParquetFile(path) as file:
            yield file, check_schema(name, file, expected)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the file system's: says nothing of the object
            raise local_disk_error(path.parent, error) from error
        # ValueError: names in the footer that are not UTF-8
        why = str(error).partition("\n")[0][:200]
        raise UnreadableError(name, f"not a whole Parquet file: {why}") from error


def _check_no_nulls(name: str, batch: pa.RecordBatch) -> None:
    for column in REQUIRED:
        if batch[column].null_count:
            raise UnreadableError(name, f"column {column} has nulls")
