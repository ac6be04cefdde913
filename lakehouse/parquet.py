"""Writes and checks the Parquet files of the lake. A file that passes a check here can be read by any engine."""

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
from lakehouse.event import EVENT_SCHEMA, FORMAT_VERSION, REJECTED_SCHEMA, REQUIRED

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
class Summary:
    """What a month file's rows amount to."""

    rows: int
    min_flight_date: dt.date
    max_flight_date: dt.date
    max_event_time: dt.datetime


def check_landed_file(name: str, path: Path, flight_date: dt.date) -> int:
    """Reads the landed file whole; returns its rows.

    Raises UnreadableError when it is not Parquet, has other columns, a null where none may be, or rows of
    another date; FormatTooNewError.
    """
    rows = 0
    for batch in batches(name, path, EVENT_SCHEMA):
        _check_no_nulls(name, batch)
        if pc.any(pc.not_equal(batch["flight_date"], pa.scalar(flight_date))).as_py():
            raise UnreadableError(name, f"has rows of another flight_date than {flight_date}")
        rows += batch.num_rows
    if rows == 0:
        raise UnreadableError(name, "has no rows")
    return rows


def check_month_file(name: str, path: Path, rows: int) -> None:
    """Looks at the footer. Raises UnreadableError when columns or rows are not as expected; FormatTooNewError."""
    with _opened(name, path, EVENT_SCHEMA) as file:
        found = file.metadata.num_rows
    if found != rows:
        raise UnreadableError(name, f"has {found} rows, its snapshot says {rows}")


def read_rejected_file(name: str, path: Path) -> pa.Table:
    """The rows of a rejected file. Raises UnreadableError, FormatTooNewError."""
    with _opened(name, path, REJECTED_SCHEMA) as file:
        return file.read()


def batches(name: str, path: Path, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of the object `name`, some at a time. Raises UnreadableError, FormatTooNewError."""
    with _opened(name, path, expected) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            batch.validate(full=True)  # reading does not look whether strings are UTF-8
            yield batch


def check_schema(name: str, file: pq.ParquetFile, expected: pa.Schema) -> None:
    """Raises UnreadableError when the columns or their types differ; FormatTooNewError before that."""
    written = (file.metadata.metadata or {}).get(METADATA_KEY)
    if written is None or not written.isdigit():
        raise UnreadableError(name, f"has format_version {written!r} in its metadata")
    if int(written) > FORMAT_VERSION:
        raise FormatTooNewError(name, int(written), FORMAT_VERSION)
    found = file.schema_arrow
    if found.names != expected.names:
        raise UnreadableError(name, f"has columns {found.names}")
    for field in expected:
        if found.field(field.name).type != field.type:
            raise UnreadableError(name, f"column {field.name} is {found.field(field.name).type}, not {field.type}")


@contextmanager
def _opened(name: str, path: Path, expected: pa.Schema) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            check_schema(name, file, expected)
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: names in the footer that are not UTF-8
        why = str(error).partition("\n")[0][:200]
        raise UnreadableError(name, f"not a whole Parquet file: {why}") from error


def _check_no_nulls(name: str, batch: pa.RecordBatch) -> None:
    for column in REQUIRED:
        if batch[column].null_count:
            raise UnreadableError(name, f"column {column} has nulls")
