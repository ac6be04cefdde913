"""Parquet with the event's columns; the lake's own files can be loaded too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.backfill.readers.arrow_rows import BATCH_ROWS, open_table
from ingest_writer.backfill.readers.model import Format, Head, InputFile, OpenFile, ReadError, ReadOptions

_MAGIC: Final = b"PAR1"


def _open(file: InputFile, _: ReadOptions) -> OpenFile:
    try:
        schema = pq.read_schema(file.path)
    except pa.ArrowException as error:
        raise _not_parquet(file, error) from error
    return open_table(file, schema, _batches(file))


def _batches(file: InputFile) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file.path) as parquet:
            yield from parquet.iter_batches(batch_size=BATCH_ROWS)
    except pa.ArrowException as error:
        raise _not_parquet(file, error) from error


def _not_parquet(file: InputFile, error: pa.ArrowException) -> ReadError:
    return ReadError(file.name, f"not a Parquet file, or a damaged one: {str(error)[:200]}")


def _recognises(head: Head) -> bool:
    return head.data.startswith(_MAGIC)


PARQUET: Final = Format("parquet", (".parquet", ".pq"), _recognises, _open)
