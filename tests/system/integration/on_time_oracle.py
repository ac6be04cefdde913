"""What a load of the US DOT's raw file has to make of it, by Polars alone. Shares no code with the project."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import polars as pl

TIMES = ("scheduled_departure", "scheduled_arrival", "actual_departure", "actual_arrival")
_TEXTS = ("Tail_Number", "DivReachedDest", "DivActualElapsedTime", "DivArrDelay", "Div1Airport", "Div2Airport")


def read_raw(path: Path, long_names: Mapping[str, str], zones: Mapping[str, str]) -> pl.DataFrame:
    """The flights of a file, with the columns that questions are about, and their times in UTC."""
    with path.open(newline="", encoding="ascii") as file:
        columns = {long_names.get(name, name) for name in next(csv.reader(file))}
    raw = pl.read_csv(path, infer_schema=False).rename(long_names, strict=False)
    raw = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in _TEXTS if name not in columns)
    date = pl.col("FlightDate").str.extract(r"^(\S+)")
    raw = raw.with_columns(
        pl.coalesce(date.str.to_date("%Y-%m-%d", strict=False), date.str.to_date("%m/%d/%Y", strict=False)).alias(
            "day"
        ),
        *(_minutes(name) for name in ("CRSElapsedTime", "ActualElapsedTime", "DepDelay", "ArrDelay")),
        *(_minutes(name) for name in ("DivActualElapsedTime", "DivArrDelay", "Distance", "AirTime")),
        *(pl.col(name).replace("2400", "0000").alias(f"{name} shown") for name in ("DepTime", "CRSArrTime", "ArrTime")),
        *(pl.col(name).str.starts_with("1") for name in ("Cancelled", "Diverted", "DivReachedDest")),
        pl.col("Origin").replace_strict(zones).alias("from"),
        pl.col("Dest").replace_strict(zones).alias("to"),
    )
    parts = [_with_times(part, *zones) for zones, part in raw.group_by("from", "to")]
    return pl.concat(parts).select(_flight())


def _minutes(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64).cast(pl.Int64)


def _with_times(raw: pl.DataFrame, origin: str, destination: str) -> pl.DataFrame:
    hhmm = pl.col("CRSDepTime").cast(pl.Int64)
    wall = pl.col("day").cast(pl.Datetime("us")) + pl.duration(hours=hhmm // 100, minutes=hhmm % 100)
    readings = []
    for which in ("earliest", "latest"):
        utc = wall.dt.replace_time_zone(origin, ambiguous=which).dt.convert_time_zone("UTC")
        departed = utc + pl.duration(minutes="DepDelay")
        flown = pl.coalesce("ActualElapsedTime", "DivActualElapsedTime")
        read = raw.with_row_index("row").with_columns(
            utc.alias("scheduled_departure"),
            (utc + pl.duration(minutes="CRSElapsedTime")).alias("scheduled_arrival"),
            departed.alias("actual_departure"),
            (departed + pl.duration(minutes=flown)).alias("actual_arrival"),
        )
        agrees = (
            _agrees("actual_departure", origin, "DepTime")
            & _agrees("scheduled_arrival", destination, "CRSArrTime")
            & _agrees("actual_arrival", destination, "ArrTime")
        )
        readings.append(read.filter(agrees))
    first, second = readings
    chosen = pl.concat([first, second.join(first, on="row", how="anti")])
    assert chosen.height == raw.height
    return chosen


def _agrees(moment: str, zone: str, clock: str) -> pl.Expr:
    local = pl.col(moment).dt.convert_time_zone(zone).dt.to_string("%H%M")
    return (local == pl.col(f"{clock} shown")).fill_null(value=True)


def _flight() -> list[pl.Expr]:
    status = pl.when("Cancelled").then(pl.lit("cancelled")).when("Diverted").then(pl.lit("diverted"))
    return [
        pl.col("day").dt.to_string("%Y-%m-%d").alias("flight_date"),
        pl.col("day").dt.to_string("%Y-%m").alias("month"),
        pl.col("day").dt.weekday().cast(pl.Int64).alias("weekday"),
        (pl.col("CRSDepTime").cast(pl.Int64) // 100 % 24).alias("hour"),
        pl.col("Reporting_Airline").str.extract(r"^(\w+)").alias("carrier"),
        pl.col("Flight_Number_Reporting_Airline").cast(pl.Int64).alias("flight_number"),
        pl.col("Origin").alias("origin"),
        pl.col("Dest").alias("destination"),
        (pl.col("Origin") + "-" + pl.col("Dest")).alias("route"),
        pl.when(~pl.col("Tail_Number").is_in(["", "UNKNOW"])).then("Tail_Number").alias("tail_number"),
        status.otherwise(pl.lit("arrived")).alias("status"),
        pl.col("DepDelay").alias("departure_delay"),
        pl.coalesce("ArrDelay", "DivArrDelay").alias("arrival_delay"),
        pl.coalesce(pl.col(name).replace("", None) for name in ("Div2Airport", "Div1Airport")).alias("diverted_to"),
        (pl.col("Distance") * 1.609344).round().cast(pl.Int64).alias("distance_km"),
        pl.col("AirTime").alias("air_time_minutes"),
        *(pl.col(name) for name in TIMES),
    ]
