"""Polars, chDB and DuckDB over files: {"engine", "files", "first", "last", "group_by"} in, {"ms", "flights"} out.

Each computes what /v1/stats answers: counts, means, exact percentiles by group.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from typing import Any

_DELAYS = (("departure_delay_minutes", "departed', 'arrived', 'diverted"), ("arrival_delay_minutes", "arrived"))


def main() -> None:
    engines = {"duckdb": _duckdb, "polars": _polars, "chdb": _chdb}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            engine = engines[question["engine"]]
            began = time.perf_counter()
            flights = engine(question)
            answer: dict[str, Any] = {"ms": (time.perf_counter() - began) * 1000, "flights": flights}
        except ModuleNotFoundError as error:
            answer = {"missing": error.name}
        print(json.dumps(answer), flush=True)


def _groups(question: dict[str, Any]) -> list[str]:
    return ["origin", "destination"] if question["group_by"] == "route" else [question["group_by"]]


def _duckdb(question: dict[str, Any]) -> int:
    import duckdb

    columns = ", ".join(
        "avg(d) FILTER (k), quantile_disc(d, [0.5, 0.9, 0.95]) FILTER (k), max(d) FILTER (k)".replace(
            "(d", f"({delay}"
        ).replace("(k)", f"(WHERE status IN ('{statuses}'))")
        for delay, statuses in _DELAYS
    )
    groups = _groups(question)
    rows = duckdb.execute(
        f"SELECT {', '.join(groups)}, count(*) AS flights, {columns} FROM read_parquet({question['files']!r})"
        f" WHERE flight_date BETWEEN '{question['first']}' AND '{question['last']}' AND status <> 'void'"
        f" AND carrier <> 'ZZ' GROUP BY ALL"
    ).fetchall()
    return sum(row[len(groups)] for row in rows)


def _polars(question: dict[str, Any]) -> int:
    import polars as pl

    first, last = (dt.date.fromisoformat(question[name]) for name in ("first", "last"))
    numbers: list[Any] = [pl.len().alias("flights")]
    for delay, statuses in _DELAYS:
        values = pl.col(delay).filter(pl.col("status").is_in(statuses.split("', '")))
        numbers += [values.mean().alias(f"{delay}_mean"), values.max().alias(f"{delay}_max")]
        numbers += [values.quantile(p, "higher").alias(f"{delay}_{p}") for p in (0.5, 0.9, 0.95)]
    flights = pl.scan_parquet(question["files"]).filter(
        pl.col("flight_date").is_between(first, last), pl.col("status") != "void", pl.col("carrier") != "ZZ"
    )
    return int(flights.group_by(_groups(question)).agg(numbers).collect(engine="streaming")["flights"].sum())


def _chdb(question: dict[str, Any]) -> int:
    from chdb import query

    columns = ", ".join(
        f"avgIf({delay}, k), quantilesExactIf(0.5, 0.9, 0.95)({delay}, k), maxIf({delay}, k)".replace(
            "k)", f"status IN ('{statuses}') AND {delay} IS NOT NULL)"
        )
        for delay, statuses in _DELAYS
    )
    groups = ", ".join(_groups(question))
    root = question["files"][0].rpartition("flight_month=")[0]
    months = ",".join(file.removeprefix(root).partition("/")[0] for file in question["files"])
    pattern = f"{root}{{{months}}}/*.parquet" if len(question["files"]) > 1 else question["files"][0]
    out: Any = query(
        f"SELECT {groups}, count() AS flights, {columns} FROM file('{pattern}', Parquet)"
        f" WHERE flight_date BETWEEN '{question['first']}' AND '{question['last']}' AND status <> 'void'"
        f" AND carrier <> 'ZZ' GROUP BY {groups}",
        "JSONCompact",
    )
    return sum(int(row[len(_groups(question))]) for row in json.loads(str(out))["data"])


if __name__ == "__main__":
    main()
