"""DuckDB, delta-rs, pandas, Polars and PyIceberg read the outside tables of a folder, and answer like `snapshot=N`.

Over gs://: `tests/system/integration/test_exactness.py`, and the examples of docs/analysts.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from pyiceberg.table import StaticTable

from lakehouse.schema.event import FIELD, PROBE_CARRIER
from lakehouse.table.planner import Planner, utc_now
from tests._support.engines.outside_duckdb import outside_duckdb
from tests.system.engines.counted import DAY, Rows, by_carrier, expected
from tests.system.engines.lake import Lake

Engine = Callable[[Lake, int | None, str], Rows]
"""Answers for a snapshot, or the latest, and a condition."""


def _duckdb_iceberg(lake: Lake, snapshot: int | None, where: str) -> Rows:
    version = "" if snapshot is None else f", snapshot_from_id = {snapshot}"
    with outside_duckdb() as connection:
        return connection.sql(by_carrier(f"iceberg_scan('{lake.iceberg}'{version})", where)).fetchall()


def _duckdb_delta(lake: Lake, snapshot: int | None, where: str) -> Rows:
    version = "" if snapshot is None else f", version = {snapshot}"
    with outside_duckdb() as connection:
        return connection.sql(by_carrier(f"delta_scan('{lake.delta}'{version})", where)).fetchall()


def _delta_rs(lake: Lake, snapshot: int | None, where: str) -> Rows:
    flights = DeltaTable(lake.delta, version=snapshot).to_pyarrow_table()
    return _arrow(flights, where)


def _pandas(lake: Lake, snapshot: int | None, where: str) -> Rows:
    return _arrow(DeltaTable(lake.delta, version=snapshot).to_pandas(), where)


def _polars_delta(lake: Lake, snapshot: int | None, where: str) -> Rows:
    return _polars(pl.scan_delta(lake.delta, version=snapshot), where)


def _pyiceberg(lake: Lake, snapshot: int | None, where: str) -> Rows:
    return _arrow(StaticTable.from_metadata(lake.iceberg).scan(snapshot_id=snapshot).to_arrow(), where)


def _polars(frame: pl.LazyFrame, where: str) -> Rows:
    return frame.sql(by_carrier("self", where)).collect().rows()


def _arrow(flights: object, where: str) -> Rows:
    with duckdb.connect() as connection:
        connection.register("flights", flights)
        return connection.sql(by_carrier("flights", where)).fetchall()


ENGINES = (_duckdb_iceberg, _duckdb_delta, _delta_rs, _pandas, _polars_delta, _pyiceberg)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_answers_like_the_snapshot(lake: Lake, engine: Engine) -> None:
    assert engine(lake, None, "true") == expected(lake.folder, lake.snapshot)
    one_day = f"flight_date = DATE '{DAY}'"
    assert engine(lake, None, one_day) == expected(lake.folder, lake.snapshot, one_day)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_an_older_version(lake: Lake, engine: Engine) -> None:
    answer = engine(lake, lake.earlier, "true")
    assert answer == expected(lake.folder, lake.earlier)
    assert answer != expected(lake.folder, lake.snapshot)


def test_rows_that_no_answer_shows_are_in_no_table(lake: Lake) -> None:
    hidden = Planner(lake.store, utc_now).latest_snapshot().hidden_files()
    assert {entry.min_flight_date.month for entry in hidden} == set(range(1, 13))  # so there is something to show
    for table in (DeltaTable(lake.delta).to_pyarrow_table(), StaticTable.from_metadata(lake.iceberg).scan().to_arrow()):
        assert "void" not in table["status"].to_pylist()
        assert PROBE_CARRIER not in table["carrier"].to_pylist()


def test_one_day_is_one_file_of_twelve(lake: Lake) -> None:
    day = dt.date.fromisoformat(DAY)
    table = StaticTable.from_metadata(lake.iceberg)
    (task,) = table.scan(row_filter=f"flight_date = '{DAY}'").plan_files()
    assert "flight_month=2013-07" in task.file.file_path
    delta = DeltaTable(lake.delta)
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    on_day = (pl.col("min.flight_date") <= day) & (pl.col("max.flight_date") >= day)
    assert (actions.height, actions.filter(on_day).height) == (12, 1)


def test_a_filter_on_a_column_without_bounds_leaves_out_no_file(lake: Lake) -> None:
    """delta-rs takes bounds that the log does not have for null, unless the table says of which columns it has them."""
    carriers = DeltaTable(lake.delta).to_pyarrow_table(columns=["carrier"], filters=[("carrier", "=", "UA")])
    assert carriers.num_rows == expected(lake.folder, lake.snapshot, "carrier = 'UA'")[0][1]


def test_columns_say_what_they_are(lake: Lake) -> None:
    wanted = FIELD["departure_delay_minutes"].description
    delta = next(field for field in DeltaTable(lake.delta).schema().fields if field.name == "departure_delay_minutes")
    assert delta.metadata["comment"] == wanted
    assert StaticTable.from_metadata(lake.iceberg).schema().find_field("departure_delay_minutes").doc == wanted
