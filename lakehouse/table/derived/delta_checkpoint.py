"""Checkpoints of the Delta table: the whole state at one version, so that a reader needs no older commit."""

from __future__ import annotations

import io
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.table.derived.content import format_of, shown_files
from lakehouse.table.derived.delta_log import PROTOCOL, add, metadata, txn
from lakehouse.table.snapshot import Snapshot

_STRINGS = pa.map_(pa.string(), pa.string())
_TXN = pa.struct([("appId", pa.string()), ("version", pa.int64()), ("lastUpdated", pa.int64())])
_ADD = pa.struct(
    [
        ("path", pa.string()),
        ("partitionValues", _STRINGS),
        ("size", pa.int64()),
        ("modificationTime", pa.int64()),
        ("dataChange", pa.bool_()),
        ("stats", pa.string()),
    ]
)
_REMOVE = pa.struct([("path", pa.string()), ("deletionTimestamp", pa.int64()), ("dataChange", pa.bool_())])
_METADATA = pa.struct(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("format", pa.struct([("provider", pa.string()), ("options", _STRINGS)])),
        ("schemaString", pa.string()),
        ("partitionColumns", pa.list_(pa.string())),
        ("configuration", _STRINGS),
        ("createdTime", pa.int64()),
    ]
)
_PROTOCOL = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])
SCHEMA: Final = pa.schema(
    [("txn", _TXN), ("add", _ADD), ("remove", _REMOVE), ("metaData", _METADATA), ("protocol", _PROTOCOL)]
)
"""Without rows of `remove`: a reader does not look for files that are not listed, and no one vacuums this table."""


def actions(snapshot: Snapshot, created_ms: int) -> list[dict[str, Any]]:
    """The state at the snapshot, an action a row."""
    files = [{"add": {**add(file), "dataChange": False}} for file in shown_files(snapshot)]
    return [
        {"protocol": dict(PROTOCOL)},
        {"metaData": metadata(format_of(snapshot))},
        {"txn": txn(snapshot.number, created_ms)},
        *files,
    ]


def checkpoint(snapshot: Snapshot, created_ms: int) -> bytes:
    """The Parquet file of the version. Its bytes may differ by the version of the library, its rows do not."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(actions(snapshot, created_ms), schema=SCHEMA), out, compression="snappy")
    return out.getvalue()


def read_actions(data: bytes) -> list[dict[str, Any]]:
    """The rows of a checkpoint, without their nulls. Raises what pyarrow raises."""
    rows = pq.read_table(io.BytesIO(data)).to_pylist(maps_as_pydicts="strict")
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
