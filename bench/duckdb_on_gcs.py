"""Plain DuckDB, with the extensions that read tables on the local Cloud Storage."""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_delta
import duckdb_extension_httpfs
import duckdb_extension_iceberg

_EXTENSIONS = {
    "httpfs": duckdb_extension_httpfs,
    "avro": duckdb_extension_avro,
    "iceberg": duckdb_extension_iceberg,
    "delta": duckdb_extension_delta,
}


def connect(server: str) -> duckdb.DuckDBPyConnection:
    """A connection that knows nothing of any table yet. `server`: the URL of the local Cloud Storage."""
    connection = duckdb.connect()
    for extension, package in _EXTENSIONS.items():
        path = next(Path(package.__file__).parent.rglob(f"{extension}.duckdb_extension"))
        connection.execute(f"LOAD '{path}'")
    endpoint = server.removeprefix("http://")
    connection.execute(
        f"CREATE SECRET (TYPE gcs, bearer_token 'local', ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false)"
    )
    return connection
