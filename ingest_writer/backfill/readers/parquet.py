"""Parquet with the event's columns; the lake's own files can be loaded too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_writer.backfill.readers.arrow_rows import BATCH_ROWS, Batch, open_table
from ingest_writer.backfill.readers.model import Format, Head, InputFile, OpenFile, ReadError, ReadOptions
from lakehouse.table.parquet_limits import TEXT_MAX_BYTES

_MAGIC: Final = b"PAR1"
_BUFFER_BYTES: Final = 1 << 20
_TEXT_MAX_BYTES: Final = max(TEXT_MAX_BYTES.values())
_TEXT_MEAN_BYTES: Final = 16 * _TEXT_MAX_BYTES  # a few rows whose texts are too long are rejected one by one


def _open(file: InputFile, read: ReadOptions) -> OpenFile:
    try:
        schema = pq.read_schema(file.path)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(file, error) from error
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
    return open_table(
        file, schema, read, lambda columns: _batches(file, columns, [name for name in texts if name in columns])
    )


def _batches(file: InputFile, columns: Sequence[str], texts: Sequence[str]) -> Iterator[Batch]:
    try:
        # Page by page: a row group may be as large as the file. Texts stay in dictionaries: one may be in each row.
        with pq.ParquetFile(
            file.path, buffer_size=_BUFFER_BYTES, pre_buffer=False, read_dictionary=[*texts]
        ) as parquet:
            rows, total = 0, parquet.metadata.num_rows
            _check_texts(file, parquet.metadata, texts)
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                rows += batch.num_rows
                yield batch, rows / total
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(file, error) from error
    if rows != total:
        raise ReadError(file.name, f"has {rows} rows, its footer says {total}")


def _check_texts(file: InputFile, metadata: pq.FileMetaData, texts: Sequence[str]) -> None:
    """Raises ReadError for texts that are far too long and compress well: a page of them fills the memory."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for chunk in map(group.column, range(group.num_columns)):
            mean = chunk.total_uncompressed_size // max(group.num_rows, 1)
            if chunk.path_in_schema in texts and mean > _TEXT_MEAN_BYTES and group.num_rows > 1:
                why = f"column {chunk.path_in_schema} takes {mean:,} bytes a row in row group {number}"
                raise ReadError(file.name, why, todo=f"no text of an event has more than {_TEXT_MAX_BYTES}")


def _not_parquet(file: InputFile, error: Exception) -> ReadError:
    return ReadError(file.name, f"not a Parquet file, or a damaged one: {str(error)[:200]}")


def _recognises(head: Head) -> bool:
    return head.data.startswith(_MAGIC)


PARQUET: Final = Format("parquet", (".parquet", ".pq"), _recognises, _open)
