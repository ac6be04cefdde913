"""The lake: what an event, an object name, a snapshot and "the newest event wins" are. `connect` is the way in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect", "refresh"]


def connect(
    url: str,
    *,
    snapshot: int | None = None,
    cache_dir: Path | str | None = None,
    cache_max_bytes: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection to the lake at `gs://bucket` or `file:///path`, as it is now, in UTC.

    Its views: `flights` (the newest state of each flight, exact), `landing` (events as they arrived, as far as the
    landed files are still there), `probes` (like `flights`, for the reserved carrier ZZ, which the others leave out).

    With `snapshot`, the lake is as that snapshot has it: `flights` and `probes` are of its month files alone, without
    what had landed beside it or has landed since, and there is no `landing`. The same number always gives the same
    rows, for as long as it is retained.

    The database is read-only: the views cannot be changed. Temporary tables and views are the caller's, and so
    is a database that is attached with READ_WRITE. `refresh` shows what has happened since.

    All files are downloaded first, into a new folder under `cache_dir` (default: the system's temporary folder), at
    most `cache_max_bytes` (default: 64 GiB). They live as long as the connection object: keep it while a cursor of it
    is used.

    Raises ConfigError, StoreAccessDeniedError, StoreUnavailableError, UnreadableError, ObjectMissingError,
    CacheFullError, FormatTooNewError, SnapshotHistoryLostError, SnapshotNotYetError, SnapshotExpiredError: all are
    `lakehouse.errors.LakeError`.
    """
    import datetime as dt

    from lakehouse.client.connection import DEFAULT_CACHE_BYTES, connect_store
    from lakehouse.store.open import open_store

    limit = DEFAULT_CACHE_BYTES if cache_max_bytes is None else cache_max_bytes
    return connect_store(open_store(url, must_exist=True), lambda: dt.datetime.now(dt.UTC), cache_dir, limit, snapshot)


def refresh(connection: duckdb.DuckDBPyConnection) -> bool:
    """Shows the lake as it is now in the views of `connection`, which `connect` gave; False when nothing has changed.

    Only files that are not here yet are downloaded. Cursors and relations of the connection see the same, its
    temporary tables stay, and a query that is running goes on with what it began with, for whose files it has ten
    minutes at least. With `snapshot`, nothing ever changes.

    Raises what `connect` raises; then the views stay as they are. ConfigError for any other connection.
    """
    from lakehouse.client.connection import refresh

    return refresh(connection)
