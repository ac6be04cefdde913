"""Encodes a table in a format, record batch by record batch.

The same table always gives the same bytes, and all formats hold the same values. A double parses
back to the same double. In CSV, null is an empty field and an empty text is `""`. Times are UTC
timestamps in Arrow and Parquet, RFC 3339 text elsewhere; dates are ISO text there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from lakehouse.schema.formulas import escape_formulas
from lakehouse.schema.timestamps import as_text
from query_service.representation.negotiation import ARROW, CSV, JSON, NDJSON, PARQUET, Format

BATCH_ROWS: Final = 500
"""About 200 kB of JSON and 10 ms of work: Python objects of so many rows exist at once, then other threads go on."""

_CSV: Final = {"quoting_header": "none", "eol": "\r\n"}  # the line end of text/csv (RFC 4180)


@dataclass(frozen=True)
class Rows:
    """`envelope`: the other members of the JSON document: `truncated`, for pages `next_cursor`."""

    table: pa.Table
    envelope: Mapping[str, Any]


class ChunkSink:
    """The part of the file interface that Arrow's writers use."""

    closed = False

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def taken(self) -> bytes:
        """What was written since the last time."""
        written, self._written = self._written, []
        return b"".join(written)


def encoded(
    table: pa.Table, format: Format, envelope: Mapping[str, Any], escapes_formulas: bool = False
) -> Iterator[bytes]:
    """The bytes of `table` in chunks. `envelope`: the other members of the JSON document.

    `escapes_formulas`: CSV has an apostrophe before texts that a spreadsheet would take for a formula.
    """
    table = table.combine_chunks()  # how a database cut it must not show in the bytes
    match format:
        case _ if format == JSON:
            return _json(table, envelope)
        case _ if format == NDJSON:
            return _ndjson(table)
        case _ if format == CSV:
            return _csv(escape_formulas(table) if escapes_formulas else table)
        case _ if format == ARROW:
            return _arrow(table)
        case _ if format == PARQUET:
            return _parquet(table)
    raise ValueError(f"no such format: {format.name}")


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as JSON values, by column name; dates and times as text."""
    if any(map(pa.types.is_temporal, table.schema.types)):
        table = as_text(table)
    names, columns = table.column_names, [column.to_pylist() for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def json_bytes(value: Any) -> bytes:
    """UTF-8 JSON of one document."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _json(table: pa.Table, envelope: Mapping[str, Any]) -> Iterator[bytes]:
    """`{"data":[...],...}`, as `json_bytes` would write it whole."""
    before = b'{"data":['
    for batch in _batches(table):
        yield before + json_bytes(rows_of(batch))[1:-1]
        before = b","
    yield (before if table.num_rows == 0 else b"") + b"]," + json_bytes(envelope)[1:]


def _ndjson(table: pa.Table) -> Iterator[bytes]:
    for batch in _batches(table):
        yield b"".join(json_bytes(row) + b"\n" for row in rows_of(batch))


def _csv(table: pa.Table) -> Iterator[bytes]:
    text = as_text(table)
    sink = ChunkSink()
    with pyarrow.csv.CSVWriter(sink, text.schema, write_options=pyarrow.csv.WriteOptions(**_CSV)) as writer:
        for batch in _batches(text):
            writer.write_table(batch)
            yield sink.taken()
    yield sink.taken()


def _arrow(table: pa.Table) -> Iterator[bytes]:
    sink = ChunkSink()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in _batches(table):
            writer.write_batch(_rebuilt(batch))
            yield sink.taken()
    yield sink.taken()


def _parquet(table: pa.Table) -> Iterator[bytes]:
    """In one chunk: the row group and the footer cover the whole table."""
    sink = ChunkSink()
    pq.write_table(table, sink, compression="zstd")
    yield sink.taken()


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, BATCH_ROWS):
        yield table.slice(start, BATCH_ROWS)


def _rebuilt(table: pa.Table) -> pa.RecordBatch:
    """The same rows without what a database leaves in the places of nulls: Arrow would write that too."""
    columns = []
    for column in table.columns:
        plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        columns.append(pa.array(plain.to_pylist(), plain.type).cast(column.type))
    return pa.record_batch(columns, schema=table.schema)
