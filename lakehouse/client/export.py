"""Writes a whole query result as CSV, JSON or Parquet, batch by batch: `lakehouse sql --format csv`.

Values have the form that the API gives them. A double parses back to the same double. In CSV, null
is an empty field and an empty text is `""`. JSON is one array of objects, one row per line. Times are
RFC 3339. A value that the format cannot express is refused.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from lakehouse.client.query import QueryError, executed, reason
from lakehouse.schema.formulas import escape_formulas
from lakehouse.schema.timestamps import as_text, rfc3339

_BATCH_ROWS: Final = 122_880  # a row group as DuckDB writes them; about 30 MB of flights in memory

_JSON_ROWS: Final = 2_000  # Python objects of so many rows at once

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
    """Writes all rows of the answer to `query` into `sink`; `format` is "csv", "json" or "parquet".

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
        return
    _check_names(reader.schema, format)
    if format == "json":
        _json(_batches(reader), sink)
    else:
        _parquet(reader.schema, _batches(reader), sink)


def _check_names(schema: pa.Schema, format: str) -> None:
    """CSV has columns; a reader of Parquet, or of an object, finds a column by its name."""
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise QueryError(
            f'column "{twice}" is there twice: in {format} one could not be told from the other: rename it with AS'
        )


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
            _check_dates(batch, "CSV")
            writer.write_table(as_text(form(pa.table(batch))))


def _json(batches: Iterator[pa.RecordBatch], sink: IO[bytes]) -> None:
    before = "[\n"
    for batch in batches:
        _check_dates(batch, "JSON")
        for rows in (as_text(pa.table(batch)).slice(start, _JSON_ROWS) for start in range(0, len(batch), _JSON_ROWS)):
            columns = [_json_texts(name, rows.column(name)) for name in rows.column_names]
            names = [json.dumps(name, ensure_ascii=False) for name in rows.column_names]
            for row in zip(*columns, strict=True):
                fields = (f"{name}:{value}" for name, value in zip(names, row, strict=True))
                sink.write(f"{before}{{{','.join(fields)}}}".encode())
                before = ",\n"
    sink.write(b"[]\n" if before == "[\n" else b"\n]\n")


def _json_texts(name: str, column: pa.ChunkedArray) -> list[str]:
    try:
        return [_json_text(value) for value in column.to_pylist()]
    except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
        raise QueryError(f'column "{name}": JSON has no form for {error}: cast it to VARCHAR') from error


def _json_text(value: Any) -> str:
    """Raises ValueError, which names what it has no form for."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case float() if math.isfinite(value):
            return json.dumps(value)
        case Decimal():
            return f"{value:f}"
        case dt.datetime() if value.tzinfo is not None:
            return json.dumps(rfc3339(value))
        case dt.date() | dt.time():
            return json.dumps(value.isoformat())
        case dict():
            return (
                f"{{{','.join(f'{json.dumps(key, ensure_ascii=False)}:{_json_text(v)}' for key, v in value.items())}}}"
            )
        case list() | tuple() if not isinstance(value, pa.MonthDayNano):
            return f"[{','.join(map(_json_text, value))}]"
    raise ValueError(f"{value}" if isinstance(value, float) else type(value).__name__)


def _as_it_is(table: pa.Table) -> pa.Table:
    return table


def _check_dates(batch: pa.RecordBatch, format: str) -> None:
    """Years of RFC 3339 have four digits: an infinite date, or one far away, would be written as something else."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if _has_beyond(column):
            raise QueryError(
                f'column "{name}": {format} has no form for infinity, years other than 1 to 9999 or the time 24:00:00:'
                " cast it to VARCHAR"
            )


def _has_beyond(column: pa.Array) -> bool:
    kind = column.type
    if pa.types.is_map(kind):
        return _has_beyond(column.keys) or _has_beyond(column.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _has_beyond(column.flatten())
    if pa.types.is_struct(kind):
        return any(map(_has_beyond, column.flatten()))
    if pa.types.is_date(kind):
        days = column.cast(pa.date32()).cast(pa.int32())
        is_beyond = pc.or_(pc.less(days, _FIRST_DAY), pc.greater(days, _LAST_DAY))
    elif pa.types.is_timestamp(kind):
        is_beyond = _is_beyond(column.cast(pa.int64()), kind.unit)
    elif pa.types.is_time(kind):
        is_beyond = pc.greater_equal(column.cast(pa.time64("ns")).cast(pa.int64()), 86_400 * 10**9)
    else:
        return False
    return bool(pc.any(is_beyond).as_py())


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
    # DuckDB reads seconds and milliseconds back as microseconds, and far years as others. All else comes back.
    coarse = [f.name for f in schema if pa.types.is_timestamp(f.type) and f.type.unit in ("s", "ms")]
    with writer:
        for batch in batches:
            _check_dates(batch.select(coarse), "Parquet")
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
