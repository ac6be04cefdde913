"""DuckDB over tables on Cloud Storage: {"server", "sql", "values"} in, {"ms", "rows"} out; its connection stays."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from functools import cache

import duckdb

from bench.duckdb_on_gcs import connect


def main() -> None:
    for line in sys.stdin:
        question = json.loads(line)
        connection = _connection(question["server"])
        values = {name: dt.date.fromisoformat(text) for name, text in question["values"].items()}
        began = time.perf_counter()
        rows = connection.execute(question["sql"], values).fetchall()
        ms = (time.perf_counter() - began) * 1000
        print(json.dumps({"ms": ms, "rows": rows}, default=str), flush=True)


@cache
def _connection(server: str) -> duckdb.DuckDBPyConnection:
    connection = connect(server)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


if __name__ == "__main__":
    main()
