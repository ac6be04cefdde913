"""The lake: events, object names, snapshots, "the newest event wins". Start with `connect`."""

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
    """A DuckDB connection to the current lake at `gs://bucket` or `file:///path`, in UTC.

    Its views are `flights` (the newest state of each flight, exact), `landing` (events as they
    arrived, from the landed files that still exist) and `probes` (like `flights`, for the reserved
    carrier ZZ, which the other views leave out).

    With `snapshot`, `flights` and `probes` read the month files of that snapshot and no landed
    files, and there is no view `landing`. The same number gives the same rows as long as it is
    retained.

    The database is read-only: the views cannot be changed. Callers may make temporary tables and
    views, or attach a database with READ_WRITE. `refresh` brings the views up to date.

    All files are downloaded first, into a new folder under `cache_dir` (default: the system's
    temporary folder), at most `cache_max_bytes` (default: 64 GiB). They live as long as the
    connection object: keep it while you use one of its cursors.

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
    """Updates the views of a `connection` made by `connect`; False when nothing has changed.

    Downloads only missing files. Cursors and relations of the connection see the update, and its
    temporary tables stay. A running query keeps its files for at least ten minutes. A connection
    with `snapshot` never changes.

    Raises the errors of `connect`, and then the views stay unchanged; ConfigError for a connection
    that `connect` did not make.
    """
    from lakehouse.client.connection import refresh

    return refresh(connection)
