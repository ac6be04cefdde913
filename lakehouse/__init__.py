"""The lake: events, object names, snapshots, "the newest event wins". Start with `connect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

__all__ = ["connect", "refresh"]


def connect(
    url: str,
    *,
    snapshot: int | None = None,
    date_from: dt.date | str | None = None,
    date_to: dt.date | str | None = None,
    cache_dir: Path | str | None = None,
    cache_max_bytes: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection to the current lake at `gs://bucket` or `file:///path`, in UTC. For example:

        import lakehouse

        july = lakehouse.connect("gs://BUCKET", date_from="2013-07-01", date_to="2013-07-31")
        july.sql('''SELECT name, count(*) AS flights, avg(arrival_delay_minutes) AS mean_delay
                    FROM flights LEFT JOIN carriers ON code = carrier GROUP BY ALL''').show()

    Views: `flights` (the newest state of each flight, exact), `landing` (events as they arrived, in
    landed files that still exist, fetched when it is used), `probes` (flights of the reserved carrier
    ZZ, left out elsewhere), `snapshot` (the latest number); tables: `airports`, `carriers`. Columns
    have comments: `FROM duckdb_columns()`. Views are read-only; `refresh` brings them up to date.

    With `date_from`, `date_to` (both included) the views have the flights of these dates alone, and
    only their files are fetched. With `snapshot`, they have the month files of that snapshot, the same
    as long as it is retained, and there is no `landing`.

    Files are kept for all processes of this user, in `cache_dir` (FLIGHTS_CACHE_DIR, or the user's
    folder for caches), at most `cache_max_bytes` (FLIGHTS_CACHE_MAX_GB). Keep the connection while you
    use one of its cursors. Raises `lakehouse.errors.LakeError`, in one of its kinds.
    """
    from lakehouse.client.connection import connect_url

    return connect_url(url, snapshot, (date_from, date_to), cache_dir, cache_max_bytes)


def refresh(connection: duckdb.DuckDBPyConnection) -> bool:
    """Updates the views of a `connection` made by `connect`; False when nothing has changed.

    Fetches only missing files. Cursors and relations of the connection see the update, and its
    temporary tables stay. A running query keeps its files for at least ten minutes. A connection
    with `snapshot` never changes.

    Raises the errors of `connect`, and then the views stay unchanged; ConfigError for a connection
    that `connect` did not make.
    """
    from lakehouse.client.connection import refresh

    return refresh(connection)
