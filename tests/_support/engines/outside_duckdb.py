"""DuckDB as an analyst has it, with the extensions that the packages bring, pointed at the local Cloud Storage."""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckdb_extension_avro
import duckdb_extension_delta
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import httpx

_PACKAGES = {
    "httpfs": duckdb_extension_httpfs,
    "avro": duckdb_extension_avro,
    "iceberg": duckdb_extension_iceberg,
    "delta": duckdb_extension_delta,
}


def extension(name: str) -> Path:
    """The file of a signed extension."""
    return next(Path(_PACKAGES[name].__file__).parent.rglob(f"{name}.duckdb_extension"))


def secret_options(server: str) -> str:
    """What a secret for Google's Cloud Storage says besides to reach another server."""
    return f"ENDPOINT '{httpx.URL(server).netloc.decode()}', URL_STYLE 'path', USE_SSL false"


def outside_duckdb(server: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with all of them; with a token for the Cloud Storage at `server`."""
    connection = duckdb.connect()
    connection.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'")
    for name in _PACKAGES:
        connection.execute(f"LOAD '{extension(name)}'")
    if server is not None:
        connection.execute(f"CREATE SECRET (TYPE gcs, bearer_token 'local', {secret_options(server)})")
    return connection
