"""A process that counts flights by one engine, over and over: `python -m ... ENGINE SERVER FILE`.

Each look is a line of FILE: the count, the version of the table where the engine tells it, or why there is none.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

BUCKET: Final = "flights-lake"
_BETWEEN_LOOKS_S: Final = 0.5
_WHY_CHARACTERS: Final = 300


class Look(NamedTuple):
    flights: int
    version: int | None = None
    """None: the engine does not tell."""


Looker = Callable[[], Look]


def _duckdb(server: str, table: str) -> Looker:
    from tests._support.engines.outside_duckdb import outside_duckdb

    connection = outside_duckdb(server)
    connection.execute("SET http_timeout = 10; SET http_retries = 1")

    def look() -> Look:
        ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return Look(count)

    return look


def _duckdb_iceberg(server: str) -> Looker:
    return _duckdb(server, f"iceberg_scan('gs://{BUCKET}/iceberg')")


def _duckdb_delta(server: str) -> Looker:
    return _duckdb(server, f"delta_scan('gs://{BUCKET}/flights')")


def _delta_rs(server: str) -> Looker:
    from deltalake import DeltaTable

    def look() -> Look:
        table = DeltaTable(f"gs://{BUCKET}/flights", storage_options=_options(server))
        return Look(table.to_pyarrow_table(columns=["status"]).num_rows, table.version())

    return look


def _polars(server: str) -> Looker:
    import polars as pl

    def look() -> Look:
        flights = pl.scan_delta(f"gs://{BUCKET}/flights", storage_options=_options(server))
        # Of a column, so that files are read: their rows are in the log.
        return Look(flights.select(pl.col("status").count()).collect().item())

    return look


def _pyiceberg(server: str) -> Looker:
    from pyiceberg.table import StaticTable

    properties = {"gcs.service.host": server, "gcs.oauth2.token": "local"}
    properties["gcs.oauth2.token-expires-at"] = str(int((time.time() + 86_400) * 1000))

    def look() -> Look:
        table = StaticTable.from_metadata(f"gs://{BUCKET}/iceberg", properties=properties)
        snapshot = table.current_snapshot()
        count = table.scan(selected_fields=("status",)).to_arrow().num_rows
        return Look(count, 0 if snapshot is None else snapshot.snapshot_id)

    return look


def _options(server: str) -> dict[str, str]:
    return {"google_base_url": server, "google_skip_signature": "true", "allow_http": "true"}


ENGINES: Final[dict[str, Callable[[str], Looker]]] = {
    "duckdb-iceberg": _duckdb_iceberg,
    "duckdb-delta": _duckdb_delta,
    "delta-rs": _delta_rs,
    "polars": _polars,
    "pyiceberg": _pyiceberg,
}


def main(engine: str, server: str, file: str) -> None:
    look = ENGINES[engine](server)
    with Path(file).open("a") as lines:
        while True:
            lines.write(json.dumps(_said(look)) + "\n")
            lines.flush()
            time.sleep(_BETWEEN_LOOKS_S)


def _said(look: Looker) -> dict[str, Any]:
    try:
        return look()._asdict()
    except Exception as error:  # noqa: BLE001 engines have their own words for a server or a file that is gone
        return {"why": f"{type(error).__name__}: {error}"[:_WHY_CHARACTERS]}


if __name__ == "__main__":
    main(*sys.argv[1:])
