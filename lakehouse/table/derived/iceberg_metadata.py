"""The metadata of the Iceberg table at a snapshot: its columns, and the snapshots that can be asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

from lakehouse import object_names
from lakehouse.table.derived.content import TABLE_ID, columns_of, format_of, shown_files
from lakehouse.table.derived.iceberg_manifest import schema
from lakehouse.table.snapshot import Snapshot

MAX_HISTORY: Final = 100
"""Snapshots in one metadata file, which every reader downloads whole: about 40 KB."""


def table_metadata(root: str, snapshot: Snapshot, created_ms: Mapping[int, int]) -> bytes:
    """The table at the snapshot. `created_ms`: of it and of those before it that are still there, by number."""
    numbers = sorted(number for number in created_ms if number <= snapshot.number)[-MAX_HISTORY:]
    times = dict(zip(numbers, accumulate((created_ms[number] for number in numbers), max), strict=True))
    version = format_of(snapshot)
    document = {
        "format-version": 2,
        "table-uuid": TABLE_ID,
        "location": f"{root}/{object_names.ICEBERG.rstrip('/')}",
        "last-sequence-number": snapshot.number,
        "last-updated-ms": times[snapshot.number],
        "last-column-id": len(columns_of(version)),
        "current-schema-id": version,
        "schemas": [schema(each) for each in range(1, version + 1)],
        "default-spec-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": []}],
        "last-partition-id": 999,
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {"schema.name-mapping.default": _name_mapping(version)},
        "current-snapshot-id": snapshot.number,
        "refs": {"main": {"snapshot-id": snapshot.number, "type": "branch"}},
        "snapshots": [
            _snapshot(root, number, before, times[number], version, snapshot)
            for before, number in zip([None, *numbers], numbers, strict=False)
        ],
        "snapshot-log": [{"snapshot-id": number, "timestamp-ms": times[number]} for number in numbers],
        "metadata-log": [],
        "statistics": [],
        "partition-statistics": [],
    }
    return _json(document).encode()


def history_of(data: bytes) -> dict[int, int]:
    """The snapshots that metadata names, and their times, to compare it with what it should be.

    Raises ValueError, KeyError or TypeError when the bytes are no such metadata.
    """
    return {int(each["snapshot-id"]): int(each["timestamp-ms"]) for each in json.loads(data)["snapshots"]}


def hint(number: int) -> bytes:
    """The content of `version-hint.text`."""
    return str(number).encode()


def hinted_number(data: bytes) -> int:
    """The snapshot that a hint names; -1 when it is none."""
    text = data.strip()
    return int(text) if text.isdigit() and len(text) <= len(str(object_names.MAX_SNAPSHOT)) else -1


def _snapshot(
    root: str, number: int, before: int | None, created_ms: int, schema_id: int, current: Snapshot
) -> dict[str, Any]:
    """One snapshot of the history. All have the current schema: what a column was not in, is null."""
    summary = {"operation": "overwrite"}
    if number == current.number:
        files = shown_files(current)
        summary["total-data-files"] = str(len(files))
        summary["total-records"] = str(sum(file.rows for file in files))
        summary["total-files-size"] = str(sum(file.size for file in files))
    return {
        "snapshot-id": number,
        **({} if before is None else {"parent-snapshot-id": before}),
        "sequence-number": number,
        "timestamp-ms": created_ms,
        "manifest-list": f"{root}/{object_names.iceberg_manifest_list(number)}",
        "summary": summary,
        "schema-id": schema_id,
    }


def _name_mapping(format_version: int) -> str:
    """The files have no column ids: Iceberg finds their columns by name."""
    return _json([{"field-id": column.id, "names": [column.name]} for column in columns_of(format_version)])


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
