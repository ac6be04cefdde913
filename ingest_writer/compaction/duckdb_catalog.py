"""Keeps `lake.duckdb` in step with the latest snapshot: a small database whose view `flights` reads the month files.

`ATTACH 'gs://bucket/lake.duckdb' (READ_ONLY)` in any DuckDB that reads `gs://` is all an analyst needs. Derived, and
never opened by us: whoever may write it could put SQL of his own there. The same snapshot gives the same bytes, so
bytes are compared. Like the manifest: generation first, then the snapshot, then the write with that generation.
"""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import duckdb
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem

from ingest_writer.compaction.model import SCRATCH_SETTING
from ingest_writer.compaction.published import is_published
from lakehouse import object_names
from lakehouse.errors import ResourcesExhaustedError
from lakehouse.local_disk import room, temporary_folder
from lakehouse.schema.event import COLUMNS, EVENT_SCHEMA
from lakehouse.store.store import Store
from lakehouse.table.confined_duckdb import connect_confined
from lakehouse.table.latest_sql import VISIBLE, quoted, read_uris, without_probes
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import Snapshot

# The oldest format that has all we need, for clients that are behind; small blocks, since everybody downloads them.
_OPTIONS: Final = "STORAGE_VERSION 'v1.0.0', BLOCK_SIZE 16384"


def publish_attachable(store: Store, planner: Planner, scratch: Path) -> bool:
    """Writes `lake.duckdb` if it is not right already; True when it did.

    Raises ResourcesExhaustedError, LocalDiskError and the store's errors.
    """
    generation = store.generation(object_names.ATTACHABLE)
    snapshot = planner.latest_snapshot()
    with temporary_folder("attachable-", scratch, SCRATCH_SETTING) as folder:
        path = folder / "lake.duckdb"
        build(path, store.url, snapshot)
        wanted = path.read_bytes()
    if generation and is_published(store, object_names.ATTACHABLE, wanted):
        return False
    return store.replace(object_names.ATTACHABLE, wanted, generation)


def view_sql(url: str, snapshot: Snapshot) -> str:
    """SELECT of the flights of the snapshot, without probes, void ones, and without the tail."""
    root = _root(url)
    entries = [snapshot.months[month] for month in sorted(snapshot.months)]
    files = read_uris([(f"{root}/{entry.name}", entry.format_version) for entry in entries])
    return f"SELECT {', '.join(COLUMNS)} FROM {files} WHERE {VISIBLE} AND {without_probes()}"


def _root(url: str) -> str:
    """What DuckDB, which decodes nothing, calls the lake's folder."""
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else url


def build(path: Path, url: str, snapshot: Snapshot) -> None:
    """A database at `path` with the view `flights` and the table `snapshot` (number, lake, flights_sql).

    Raises ResourcesExhaustedError when DuckDB cannot write it, or cannot read the month files of a lake in a folder.
    """
    try:
        _build(path, url, snapshot)
    except duckdb.Error as error:
        raise ResourcesExhaustedError(
            f"{object_names.ATTACHABLE}: {str(error).partition(chr(10))[0][:300]} ({path.parent}: {room(path.parent)})"
        ) from error


def _build(path: Path, url: str, snapshot: Snapshot) -> None:
    view = view_sql(url, snapshot)
    with connect_confined([path.parent, f"{_root(url)}/{object_names.FLIGHTS}"], filesystem=_EmptyFiles()) as db:
        db.execute(f"ATTACH {quoted(str(path))} AS lake ({_OPTIONS})")
        db.execute(f"CREATE VIEW lake.flights AS {view}")
        db.execute("CREATE TABLE lake.snapshot (number UBIGINT, lake VARCHAR, flights_sql VARCHAR)")
        db.execute("INSERT INTO lake.snapshot VALUES (?, ?, ?)", [snapshot.number, url, view])
        db.execute("DETACH lake")


class _EmptyFiles(AbstractFileSystem):  # type: ignore[misc]
    """Every file of `gs://` is an empty landed file: DuckDB opens the first file of a view to learn its columns."""

    protocol = ("gs", "memory")
    cachable = False

    def __init__(self, **_: Any) -> None:
        super().__init__()
        out = io.BytesIO()
        pq.write_table(EVENT_SCHEMA.empty_table(), out)
        self._file = out.getvalue()

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path]

    def exists(self, *_: Any, **__: Any) -> bool:
        return True

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": len(self._file), "type": "file"}

    def modified(self, *_: Any) -> dt.datetime:
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

    def _open(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._file)
