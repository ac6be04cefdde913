"""The commits of the Delta table: version N is snapshot N.

A commit depends on the snapshots N-1 and N and on when the store created snapshot N, and on nothing
else: every process that writes it writes the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lakehouse import object_names
from lakehouse.table.derived.content import DATE_COLUMN, TABLE_ID, columns_of, format_of, shown_files, to_ms
from lakehouse.table.snapshot import MonthFile, Snapshot

CHECKPOINT_EVERY: Final = 10
"""Versions: what Delta's own writers do, so that a reader opens at most ten commits."""
APP_ID: Final = "flights-lakehouse"
PROTOCOL: Final[Mapping[str, Any]] = {"minReaderVersion": 1, "minWriterVersion": 2}
"""The oldest that has `stats`: every engine reads it."""


def first_commit() -> bytes:
    """Version 0: the empty table."""
    return _lines([_info(0), {"protocol": PROTOCOL}, {"metaData": metadata(1)}, {"txn": txn(0, 0)}])


def commit(before: Snapshot, after: Snapshot, created_ms: int) -> bytes:
    """What changes from one snapshot to the next, in a fixed order."""
    old = {file.name: file for file in shown_files(before)}
    new = {file.name: file for file in shown_files(after)}
    actions: list[dict[str, Any]] = [_info(created_ms), {"protocol": PROTOCOL}]  # BigQuery wants it in the last one
    if format_of(before) != format_of(after):
        actions.append({"metaData": metadata(format_of(after))})
    actions.append({"txn": txn(after.number, created_ms)})
    actions += [{"remove": _remove(old[name], created_ms)} for name in sorted(old.keys() - new.keys())]
    actions += [{"add": {**add(new[name]), "dataChange": True}} for name in sorted(new.keys() - old.keys())]
    return _lines(actions)


def metadata(format_version: int) -> dict[str, Any]:
    """The columns of a format, with their docs."""
    fields = [
        {"name": column.name, "type": column.delta_type, "nullable": True, "metadata": {"comment": column.doc}}
        for column in columns_of(format_version)
    ]
    return {
        "id": TABLE_ID,
        "name": "flights",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": _json({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": {
            "delta.checkpointInterval": str(CHECKPOINT_EVERY),
            # Of the first column, the date. delta-rs takes the others, of which `stats` says nothing, for null in its
            # Arrow dataset, and leaves out every file when one of them is filtered.
            "delta.dataSkippingNumIndexedCols": "1",
        },
        "createdTime": 0,
    }


def txn(number: int, created_ms: int) -> dict[str, Any]:
    """Says which snapshot a version is."""
    return {"appId": APP_ID, "version": number, "lastUpdated": created_ms}


def add(file: MonthFile) -> dict[str, Any]:
    """The file, with the bounds by which engines skip it."""
    stats = {
        "numRecords": file.rows,
        "minValues": {DATE_COLUMN: file.min_flight_date.isoformat()},
        "maxValues": {DATE_COLUMN: file.max_flight_date.isoformat()},
        "nullCount": {DATE_COLUMN: 0},
    }
    return {
        "path": _path(file),
        "partitionValues": {},
        "size": file.size,
        "modificationTime": to_ms(file.max_event_time),
        "stats": _json(stats),
    }


def hint(version: int, files: int) -> bytes:
    """The content of `_last_checkpoint`; `files` are those of the version."""
    return _json({"version": version, "size": 3 + files}).encode()


def hinted_version(data: bytes) -> int:
    """The version that a hint names; -1 when it is none."""
    try:
        version = json.loads(data)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1
    return version if isinstance(version, int) and 0 <= version <= object_names.MAX_SNAPSHOT else -1


def _info(created_ms: int) -> dict[str, Any]:
    return {
        "commitInfo": {
            "timestamp": created_ms,
            "operation": "WRITE",
            "operationParameters": {},
            "engineInfo": APP_ID,
        }
    }


def _remove(file: MonthFile, created_ms: int) -> dict[str, Any]:
    return {
        "path": _path(file),
        "deletionTimestamp": created_ms,
        "dataChange": True,
        "extendedFileMetadata": True,
        "partitionValues": {},
        "size": file.size,
    }


def _path(file: MonthFile) -> str:
    """Relative to the table, so that a copy of the lake has its own table."""
    return file.name.removeprefix(object_names.FLIGHTS)


def _lines(actions: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{_json(action)}\n" for action in actions).encode()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
