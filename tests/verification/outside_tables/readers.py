"""Readers of the outside tables, as engines read them, over a store. They share no code with what writes the tables."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq

from lakehouse.store.memory import MemoryStore
from tests._support.engines.avro import read_avro

LOG = "flights/_delta_log/"
METADATA = "iceberg/metadata/"


class BrokenTableError(AssertionError):
    """A reader found something that is no table."""


class DeltaReader:
    """Reads a version from its checkpoint and commits; remembers checkpoints by their bytes."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._checkpoints: dict[bytes, frozenset[str]] = {}
        self._commits: dict[bytes, tuple[set[str], set[str]]] = {}

    def names(self) -> list[str]:
        return [info.name.removeprefix(LOG) for info in self._store.list(LOG)]

    def commits(self) -> list[int]:
        return [int(name[:20]) for name in self.names() if name.endswith(".json") and name[:20].isdigit()]

    def checkpoints(self) -> list[int]:
        return [int(name[:20]) for name in self.names() if name.endswith(".checkpoint.parquet")]

    def hint(self) -> int | None:
        if "_last_checkpoint" not in self.names():
            return None
        return int(json.loads(self._store.read(f"{LOG}_last_checkpoint"))["version"])

    def read(self, version: int, from_version: int = 0) -> frozenset[str] | None:
        """The files at a version, as a reader finds that lists the log from a version on; None: it sees an error."""
        base = max((number for number in self.checkpoints() if from_version <= number <= version), default=None)
        files = frozenset() if base is None else self._checkpoint(base)
        needed = range(from_version if base is None else base + 1, version + 1)
        there = set(self.commits())
        if (base is None and from_version > 0) or any(number not in there for number in needed):
            return None
        for number in needed:
            files = self.apply(files, number)
        return files

    def apply(self, files: frozenset[str], version: int) -> frozenset[str]:
        """What a commit makes of the files before it."""
        data = self._store.read(f"{LOG}{version:020d}.json")
        if data not in self._commits:
            actions = [json.loads(line) for line in data.splitlines()]
            self._commits[data] = (
                {action["remove"]["path"] for action in actions if "remove" in action},
                {action["add"]["path"] for action in actions if "add" in action},
            )
        removed, added = self._commits[data]
        if not removed <= files or added & files:
            raise BrokenTableError(f"commit {version} removes {removed - files}, adds {added & files} again")
        return (files - removed) | added

    def newest(self) -> int:
        """-1 when there is no table."""
        return max([*self.commits(), *self.checkpoints()], default=-1)

    def _checkpoint(self, version: int) -> frozenset[str]:
        data = self._store.read(f"{LOG}{version:020d}.checkpoint.parquet")
        if data not in self._checkpoints:
            rows = pq.read_table(io.BytesIO(data)).to_pylist()
            self._checkpoints[data] = frozenset(row["add"]["path"] for row in rows if row["add"] is not None)
        return self._checkpoints[data]


class IcebergReader:
    """Reads the table that the hint names, or a snapshot of its history."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._read: dict[bytes, list[dict[str, Any]]] = {}

    def newest(self) -> int:
        """The snapshot that the hint names; 0 when there is no table."""
        if not any(info.name == f"{METADATA}version-hint.text" for info in self._store.list(METADATA)):
            return 0
        return int(self._store.read(f"{METADATA}version-hint.text"))

    def history(self, table: int) -> list[int]:
        """The snapshots that can be asked for at a version of the table."""
        return [each["snapshot-id"] for each in self._snapshots(table)]

    def read(self, table: int, number: int) -> frozenset[str]:
        """The files of a snapshot in the history of a table."""
        snapshot = next(each for each in self._snapshots(table) if each["snapshot-id"] == number)
        (listed,) = self._records(self._object(snapshot["manifest-list"]))
        manifest = self._object(listed["manifest_path"])
        if listed["manifest_length"] != len(manifest):
            raise BrokenTableError(f"the manifest of {number} is not as long as its list says")
        paths = (record["data_file"]["file_path"] for record in self._records(manifest))
        return frozenset(path.partition("/flights/")[2] for path in paths)

    def _snapshots(self, table: int) -> list[dict[str, Any]]:
        snapshots: list[dict[str, Any]] = json.loads(self._object(f"/{METADATA}v{table}.metadata.json"))["snapshots"]
        return snapshots

    def _object(self, uri: str) -> bytes:
        return self._store.read(uri.removeprefix(self._store.url).removeprefix("/"))

    def _records(self, data: bytes) -> list[dict[str, Any]]:
        if data not in self._read:
            self._read[data] = read_avro(data)[1]
        return self._read[data]
