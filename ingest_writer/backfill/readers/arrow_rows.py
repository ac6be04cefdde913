"""Rows of Arrow batches as Python values: timestamps in microseconds, and no date that Python lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ingest_writer.backfill.readers.header import FROM_FILE, check_header
from ingest_writer.backfill.readers.model import FileRow, InputFile, OpenFile, ReadError, ReadOptions, Rows

BATCH_ROWS: Final = 10_000
"""About 10 MB as Python values."""

Batch = tuple[pa.RecordBatch, float]
"""Rows, and how much of the file they end at, up to 1."""


def open_table(
    file: InputFile, schema: pa.Schema, read: ReadOptions, batches: Callable[[Sequence[str]], Iterable[Batch]]
) -> OpenFile:
    """The file whose columns are `schema`; `batches` gives those of some of them.

    Raises ReadError if the columns are not those of events.
    """
    ignored = check_header(file.name, schema.names)
    known = [name for name in schema.names if name in FROM_FILE]
    done = [0.0]
    slices = _slices(batches(known), known, done, read.row_max_bytes)
    return OpenFile(_rows(file, slices, read.row_max_bytes), ignored, lambda: done[0])


def _slices(
    batches: Iterable[Batch], known: Sequence[str], done: list[float], max_bytes: int
) -> Iterator[pa.RecordBatch]:
    for batch, done[0] in batches:
        for begin in range(0, batch.num_rows, BATCH_ROWS):
            yield from in_parts(batch.slice(begin, BATCH_ROWS).select(known), max_bytes)


def _rows(file: InputFile, slices: Iterable[pa.RecordBatch], max_bytes: int) -> Rows:
    number = 0
    for some in map(_dense, slices):
        if some.num_rows == 1 and _python_bytes(some) > max_bytes:
            why = f"a row of more than {max_bytes // 1_000_000} MB, which LOAD_ROW_MAX_MB limits"
            raise ReadError(file.name, why, line=number + 1)
        for values in python_rows(in_microseconds(some)):
            yield FileRow(number, number + 1, values)
            number += 1


def _dense(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without dictionaries, whose values become Python's one by one, slowly."""
    for number, column in enumerate(batch.schema):
        if pa.types.is_dictionary(column.type):
            batch = batch.set_column(number, column.name, batch.column(number).dictionary_decode())
    return batch


def in_parts(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batch, or halves of it until each takes no more than that as Python values, or is one row.

    One long text of a dictionary may stand in every row: a small file would fill the memory.
    """
    if batch.num_rows <= 1 or _python_bytes(batch) <= max_bytes:
        yield batch
        return
    half = batch.num_rows // 2
    yield from in_parts(batch.slice(0, half), max_bytes)
    yield from in_parts(batch.slice(half), max_bytes)


def _python_bytes(batch: pa.RecordBatch) -> int:
    """At most: where values stand for many rows, the longest in each."""
    return sum(map(_column_bytes, batch.columns))


def _column_bytes(column: pa.Array) -> int:
    if pa.types.is_dictionary(column.type):
        values = column.dictionary
    elif pa.types.is_run_end_encoded(column.type):
        values = column.values
    else:
        return int(column.nbytes)
    try:
        return int(pc.max(pc.binary_length(values)).as_py() or 0) * len(column)
    except pa.ArrowNotImplementedError:  # no texts
        return 0


def python_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows. A date that Python cannot express (infinity is one) becomes text; text that is not UTF-8 becomes bytes.

    A decoder refuses both, with their rows.
    """
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError):
        columns = [[_python_value(value) for value in column] for column in batch.columns]
        return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]
    return rows


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError:  # a kind of ValueError
        return value.cast(pa.binary()).as_py()
    except (ValueError, OverflowError):
        return "infinity, or a time beyond the years 1 to 9999"


def in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Timestamps in nanoseconds lose what Python cannot hold; the order is by microseconds anyway."""
    for number, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            kind = pa.timestamp("us", tz=column.type.tz)
            batch = batch.set_column(number, column.name, _floored(batch.column(number)).cast(kind))
    return batch


def _floored(nanoseconds: pa.Array) -> pa.Array:
    """Whole microseconds, as integers. A cast would go towards 1970, and nothing may get newer than it was."""
    given = nanoseconds.cast(pa.int64())
    quotient = pc.divide(given, 1000)  # towards 0
    return pc.subtract(quotient, pc.less(given, pc.multiply(quotient, 1000)).cast(pa.int64()))
