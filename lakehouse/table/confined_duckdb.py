"""DuckDB for services: it touches the folders it is given, loads no extension, and stays so until it is closed.

What a service runs is its own SQL, over files that others made. Should such a file, or a mistake, make DuckDB open
something else - another path, a URL, a database, an extension -, DuckDB refuses. Memory that a query took goes back
when it has ended, however it ended. An analyst's own connection has none of these bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb

from lakehouse.table.latest_sql import quoted

_CONFIG: Final = {
    # Left alone, DuckDB's allocator keeps what a query took: half a gigabyte after one that was refused for its memory.
    # With this it goes back to the system within seconds.
    "allocator_background_threads": True,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
}


def connect_confined(
    folders: Iterable[Path | str],
    database: Path | str = ":memory:",
    *,
    config: Mapping[str, Any] | None = None,
    parquet_metadata_cache: bool = False,
) -> duckdb.DuckDBPyConnection:
    """A connection that reads and writes below `folders` (DuckDB tells no difference), and nowhere else.

    Times are in UTC; no setting can be changed afterwards, also not by cursors.
    """
    connection = duckdb.connect(database, config={**(config or {}), **_CONFIG})
    try:
        # GLOBAL: what a plain SET sets is not inherited by cursors. The lock comes last.
        for name, value in {
            "parquet_metadata_cache": str(parquet_metadata_cache).lower(),
            # A landed file is read a few times, then never again: DuckDB would keep its bytes until
            # memory is full. What is read often, the system keeps.
            "enable_external_file_cache": "false",
            "TimeZone": "'UTC'",
            "python_enable_replacements": "false",  # a name in SQL is not one of our variables
            "allowed_directories": f"[{', '.join(map(quoted, _spellings(folders)))}]",
            "enable_external_access": "false",
            "lock_configuration": "true",
        }.items():
            connection.execute(f"SET GLOBAL {name} = {value}")
    except BaseException:
        connection.close()
        raise
    return connection


def _spellings(folders: Iterable[Path | str]) -> list[str]:
    """Each folder as it is named, and where it really is: DuckDB compares the text of paths."""
    found: dict[str, None] = {}
    for folder in folders:
        found[str(folder)] = None
        if isinstance(folder, Path):
            found[str(folder.absolute())] = None
            found[str(folder.resolve())] = None
    return list(found)
