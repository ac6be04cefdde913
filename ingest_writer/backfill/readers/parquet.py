"""Parquet with the event's columns; the lake's own files can be loaded too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.backfill.readers.arrow_rows import BATCH_ROWS, Batch, open_table
from ingest_writer.backfill.readers.model import Format, Head, InputFile, OpenFile, ReadError, ReadOptions

_MAGIC: Final = b"PAR1"
_BUFFER_BYTES: Final = 1 << 20


def _open(file: InputFile, _: ReadOptions) -> OpenFile:
    try:
        schema = pq.read_schema(file.path)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(file, error) from error
    return open_table(file, schema, lambda columns: _batches(file, columns))


def _batches(file: InputFile, columns: Sequence[str]) -> Iterator[Batch]:
    try:
        # Page by page: a row group may be as large as the file.
        with pq.ParquetFile(file.path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as parquet:
            rows, total = 0, parquet.metadata.num_rows
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                rows += batch.num_rows
                yield batch, rows / total
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(file, error) from error
    if rows != total:
        raise ReadError(file.name, f"has {rows} rows, its footer says {total}")


def _not_parquet(file: InputFile, error: Exception) -> ReadError:
    return ReadError(file.name, f"not a Parquet file, or a damaged one: {str(error)[:200]}")


def _recognises(head: Head) -> bool:
    return head.data.startswith(_MAGIC)


PARQUET: Final = Format("parquet", (".parquet", ".pq"), _recognises, _open)
