"""DuckDB and chDB in a process of their own: {"engine", "sql"} in, {"ms", "rows"} out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb


def main() -> None:
    connection = duckdb.connect()
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    engines: dict[str, Callable[[str], list[Any]]] = {
        "duckdb": lambda sql: connection.execute(sql).fetchall(),
        "chdb": _chdb,
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            engine = engines[question["engine"]]
            began = time.perf_counter()
            rows = engine(question["sql"])
            answer: dict[str, Any] = {"ms": (time.perf_counter() - began) * 1000, "rows": rows}
        except ModuleNotFoundError as error:
            answer = {"missing": error.name}
        print(json.dumps(answer, default=str), flush=True)


def _chdb(sql: str) -> list[Any]:
    from chdb import query

    out: Any = query(sql, "JSONCompact")
    rows: list[Any] = json.loads(str(out))["data"]
    return rows


if __name__ == "__main__":
    main()
