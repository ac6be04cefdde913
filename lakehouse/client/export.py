"""Writes a whole query result as CSV or Parquet, batch by batch: `lakehouse sql --format csv`.

Values have the form that the API gives them. A double parses back to the same double. In CSV, null
is an empty field and an empty text is `""`. Times are RFC 3339. A type that the format cannot
express is refused.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from lakehouse.client.query import QueryError, executed, reason
from lakehouse.schema.formulas import escape_formulas
from lakehouse.schema.timestamps import as_text

_BATCH_ROWS: Final = 122_880  # a row group as DuckDB writes them; about 30 MB of flights in memory

_CSV: Final = {"quoting_header": "needed", "eol": "\n"}  # lines as the tools of a shell expect them

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = dt.date.min.toordinal() - _EPOCH
_LAST_DAY: Final = dt.date.max.toordinal() - _EPOCH
_PER_SECOND: Final = {"s": 1, "ms": 1000, "us": 1_000_000}
_INFINITE: Final = 2**63 - 1  # as DuckDB has it
_LOST_IN_ARROW: Final = ("TIME WITH TIME ZONE", "UHUGEINT")
"""Types that DuckDB gives Arrow without the offset, and as a number of 128 bits with a sign."""

_IN_CSV: Final = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
    pa.types.is_dictionary,  # an ENUM
)


def export(
    connection: duckdb.DuckDBPyConnection, query: str, format: str, sink: IO[bytes], for_spreadsheet: bool = False
) -> None:
    """Writes all rows of the answer to `query` into `sink`; `format` is "csv" or "parquet".

    `for_spreadsheet`: CSV has an apostrophe before texts that a spreadsheet would take for a formula.
    Raises QueryError, also for a column that the format has no form for, and what `sink` raises.
    """
    cursor = executed(connection, query)
    for name, kind, *_ in cursor.description or ():
        if lost := next((each for each in _LOST_IN_ARROW if each in str(kind)), None):
            raise QueryError(f'column "{name}": {lost} would not be exported whole: cast it to VARCHAR')
    try:
        reader = cursor.to_arrow_reader(_BATCH_ROWS)
    except duckdb.Error as error:
        raise QueryError(reason(str(error))) from error
    if format == "csv":
        _csv(reader.schema, _batches(reader), sink, for_spreadsheet)
    else:
        _parquet(reader.schema, _batches(reader), sink)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; an error of the database, which comes as one of Arrow's, is told from one of the sink."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise QueryError(reason(str(error))) from error
        yield batch


def _csv(schema: pa.Schema, batches: Iterator[pa.RecordBatch], sink: IO[bytes], for_spreadsheet: bool) -> None:
    for field in schema:
        if not any(is_type(field.type) for is_type in _IN_CSV):
            raise QueryError(f'column "{field.name}": CSV has no form for {field.type}: cast it to VARCHAR')
    form = escape_formulas if for_spreadsheet else _as_it_is
    header = as_text(form(schema.empty_table())).schema
    options = pyarrow.csv.WriteOptions(**_CSV)
    with pyarrow.csv.CSVWriter(pa.PythonFile(_Open(sink), "w"), header, write_options=options) as writer:
        for batch in batches:
            _check_dates(batch)
            writer.write_table(as_text(form(pa.table(batch))))


def _as_it_is(table: pa.Table) -> pa.Table:
    return table


def _check_dates(batch: pa.RecordBatch) -> None:
    """RFC 3339 has years of four digits: an infinite date, or one far away, would be written as something else."""
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_date(field.type):
            days = column.cast(pa.date32()).cast(pa.int32())
            is_beyond = pc.or_(pc.less(days, _FIRST_DAY), pc.greater(days, _LAST_DAY))
        elif pa.types.is_timestamp(field.type):
            is_beyond = _is_beyond(column.cast(pa.int64()), field.type.unit)
        else:
            continue
        if pc.any(is_beyond).as_py():
            raise QueryError(
                f'column "{field.name}": CSV has no form for infinity or years other than 1 to 9999: cast it to VARCHAR'
            )


def _is_beyond(values: pa.Array, unit: str) -> pa.Array:
    """Of points in time as numbers of `unit`. Nanoseconds reach from 1677 to 2262: only infinity is beyond."""
    if unit == "ns":
        return pc.is_in(values, pa.array([_INFINITE, -_INFINITE]))
    per_day = 86_400 * _PER_SECOND[unit]
    return pc.or_(pc.less(values, _FIRST_DAY * per_day), pc.greater_equal(values, (_LAST_DAY + 1) * per_day))


def _parquet(schema: pa.Schema, batches: Iterator[pa.RecordBatch], sink: IO[bytes]) -> None:
    try:
        writer = pq.ParquetWriter(pa.PythonFile(_Open(sink), "w"), schema, compression="zstd")
    except pa.ArrowNotImplementedError as error:
        raise QueryError(f"Parquet has no form for a column, cast it to VARCHAR: {reason(str(error))}") from error
    with writer:
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def opened(path: Path | None) -> Iterator[IO[bytes]]:
    """What to write to: stdout, or the file at `path`, which appears whole at the end of the block or not at all."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not stat.S_ISREG(path.stat().st_mode):  # /dev/stdout, a named pipe
        with path.open("wb") as file:
            yield file
    else:
        with _beside(path.resolve()) as file:
            yield file


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """A file next to `path` that replaces it at the end and gets its permissions."""
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        try:
            yield file.file
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class _Open:
    """A sink that its writer does not close; the caller that opened it does."""

    closed = False

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._written = 0

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written  # a pipe cannot say

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
