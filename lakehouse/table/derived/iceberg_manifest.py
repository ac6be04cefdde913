"""Manifest and manifest list of an Iceberg snapshot, functions of the lake's snapshot of the same number."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final
from urllib.parse import unquote

from lakehouse import object_names
from lakehouse.table.derived.avro import container
from lakehouse.table.derived.content import DATE_COLUMN, columns_of, format_of, shown_files
from lakehouse.table.snapshot import MonthFile, Snapshot

_EPOCH: Final = dt.date(1970, 1, 1)
_EXISTING, _ADDED = 0, 1


def _record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def _field(number: int, name: str, kind: Any) -> dict[str, Any]:
    optional = {"default": None} if isinstance(kind, list) else {}
    return {"name": name, "type": kind, **optional, "field-id": number}


def _by_column(number: int, name: str, key: int, kind: str) -> dict[str, Any]:
    """A map from column ids, which in Avro is an array of pairs."""
    pair = _record(f"k{key}_v{key + 1}", _field(key, "key", "int"), _field(key + 1, "value", kind))
    return _field(number, name, ["null", {"type": "array", "logicalType": "map", "items": pair}])


_DATA_FILE = _record(
    "r2",
    _field(134, "content", "int"),
    _field(100, "file_path", "string"),
    _field(101, "file_format", "string"),
    _field(102, "partition", _record("r102")),
    _field(103, "record_count", "long"),
    _field(104, "file_size_in_bytes", "long"),
    _by_column(110, "null_value_counts", 121, "long"),
    _by_column(125, "lower_bounds", 126, "bytes"),
    _by_column(128, "upper_bounds", 129, "bytes"),
)
_ENTRY: Final = _record(
    "manifest_entry",
    _field(0, "status", "int"),
    _field(1, "snapshot_id", ["null", "long"]),
    _field(3, "sequence_number", ["null", "long"]),
    _field(4, "file_sequence_number", ["null", "long"]),
    _field(2, "data_file", _DATA_FILE),
)
_PARTITION = _record("r508", _field(509, "contains_null", "boolean"))
_MANIFEST: Final = _record(
    "manifest_file",
    _field(500, "manifest_path", "string"),
    _field(501, "manifest_length", "long"),
    _field(502, "partition_spec_id", "int"),
    _field(517, "content", "int"),
    _field(515, "sequence_number", "long"),
    _field(516, "min_sequence_number", "long"),
    _field(503, "added_snapshot_id", "long"),
    _field(504, "added_files_count", "int"),
    _field(505, "existing_files_count", "int"),
    _field(506, "deleted_files_count", "int"),
    _field(512, "added_rows_count", "long"),
    _field(513, "existing_rows_count", "long"),
    _field(514, "deleted_rows_count", "long"),
    _field(507, "partitions", ["null", {"type": "array", "element-id": 508, "items": _PARTITION}]),
)


def root_of(url: str) -> str:
    """The lake's address as Iceberg has it: a path is not encoded."""
    return unquote(url) if url.startswith("file://") else url


def schema(format_version: int) -> dict[str, Any]:
    """The columns of a format, whose number is the schema's id."""
    fields = [
        {"id": column.id, "name": column.name, "required": False, "type": column.iceberg_type, "doc": column.doc}
        for column in columns_of(format_version)
    ]
    return {"type": "struct", "schema-id": format_version, "fields": fields}


def manifest(root: str, snapshot: Snapshot) -> bytes:
    """All files of the snapshot, with the bounds by which engines skip them."""
    properties = {
        "schema": json.dumps(schema(format_of(snapshot)), separators=(",", ":")),
        "schema-id": str(format_of(snapshot)),
        "partition-spec": "[]",
        "partition-spec-id": "0",
        "format-version": "2",
        "content": "data",
    }
    return container(_ENTRY, [_entry(root, file, snapshot.number) for file in shown_files(snapshot)], properties)


def manifest_list(root: str, snapshot: Snapshot, manifest_length: int) -> bytes:
    """The one manifest of the snapshot."""
    files = shown_files(snapshot)
    added = [file for file in files if file.added_snapshot == snapshot.number]
    existing = [file for file in files if file.added_snapshot != snapshot.number]
    record = {
        "manifest_path": f"{root}/{object_names.iceberg_manifest(snapshot.number)}",
        "manifest_length": manifest_length,
        "partition_spec_id": 0,
        "content": 0,
        "sequence_number": snapshot.number,
        "min_sequence_number": min((file.added_snapshot for file in files), default=snapshot.number),
        "added_snapshot_id": snapshot.number,
        "added_files_count": len(added),
        "existing_files_count": len(existing),
        "deleted_files_count": 0,
        "added_rows_count": sum(file.rows for file in added),
        "existing_rows_count": sum(file.rows for file in existing),
        "deleted_rows_count": 0,
        "partitions": [],
    }
    properties = {
        "snapshot-id": str(snapshot.number),
        "sequence-number": str(snapshot.number),
        "format-version": "2",
    }
    return container(_MANIFEST, [record], properties)


def _entry(root: str, file: MonthFile, number: int) -> dict[str, Any]:
    date_id = next(column.id for column in columns_of(1) if column.name == DATE_COLUMN)
    data_file = {
        "content": 0,
        "file_path": f"{root}/{file.name}",
        "file_format": "PARQUET",
        "partition": {},
        "record_count": file.rows,
        "file_size_in_bytes": file.size,
        "null_value_counts": [{"key": date_id, "value": 0}],
        "lower_bounds": [{"key": date_id, "value": _days(file.min_flight_date)}],
        "upper_bounds": [{"key": date_id, "value": _days(file.max_flight_date)}],
    }
    return {
        "status": _ADDED if file.added_snapshot == number else _EXISTING,
        "snapshot_id": file.added_snapshot,
        "sequence_number": file.added_snapshot,
        "file_sequence_number": file.added_snapshot,
        "data_file": data_file,
    }


def _days(date: dt.date) -> bytes:
    return (date - _EPOCH).days.to_bytes(4, "little", signed=True)
