"""DuckDB in a process of its own: {"sql", "values"} in, {"ms", "rows"} out. Settings as favourable as ours."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time

import duckdb


def main() -> None:
    connection = duckdb.connect()
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    for line in sys.stdin:
        question = json.loads(line)
        values = {name: dt.date.fromisoformat(text) for name, text in question["values"].items()}
        began = time.perf_counter()
        rows = connection.execute(question["sql"], values or None).fetchall()
        ms = (time.perf_counter() - began) * 1000
        print(json.dumps({"ms": ms, "rows": rows}, default=str), flush=True)


if __name__ == "__main__":
    main()
