"""The lakes that are measured are lakes: real flights, shifted and copied, as a compactor would leave them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from bench.scale import Lake, ScaleData
from lakehouse.client.verify import verify
from lakehouse.store.local import LocalStore

FLIGHTS = 500


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> ScaleData:
    return ScaleData(tmp_path_factory.mktemp("scale"))


@pytest.fixture(scope="module")
def lake(scale: ScaleData) -> Lake:
    return scale.lake(FLIGHTS, years=4, copies=2)


def test_a_lake_has_every_flight_of_every_year_and_copy(lake: Lake) -> None:
    assert lake.flights == FLIGHTS * 4 * 2
    assert lake.months == ("2013-01", "2014-01", "2015-01", "2016-01")


def test_a_lake_passes_the_check_of_lakes(lake: Lake) -> None:
    assert not verify(LocalStore(lake.root), lambda: dt.datetime.now(dt.UTC)).problems


def test_the_first_year_of_the_first_copy_is_as_it_really_was(scale: ScaleData, lake: Lake) -> None:
    columns = "flight_date, carrier, flight_number, origin, departure_delay_minutes, actual_arrival, event_time"
    real = f"SELECT {columns} FROM '{scale.base(FLIGHTS)}'"
    ours = f"SELECT {columns} FROM '{lake.files[0]}' WHERE operational_suffix = ''"
    assert duckdb.sql(f"SELECT count(*) FROM ({ours})").fetchone() == (FLIGHTS,)
    assert duckdb.sql(f"({real}) EXCEPT ({ours})").fetchall() == []


def test_delays_of_later_years_differ_and_are_the_same_each_time(lake: Lake, tmp_path: Path) -> None:
    again = ScaleData(tmp_path).lake(FLIGHTS, years=4, copies=2)
    sums = [duckdb.sql(f"SELECT sum(departure_delay_minutes) FROM '{file}'").fetchone() for file in lake.files]
    assert len(set(sums)) > 1
    assert [file.read_bytes() for file in again.files] == [file.read_bytes() for file in lake.files]


def test_day_files_and_the_single_file_hold_the_same_flights(scale: ScaleData, lake: Lake) -> None:
    count = "SELECT count(*), sum(departure_delay_minutes), min(flight_date), max(flight_date) FROM"
    merged = duckdb.sql(f"{count} read_parquet({[str(file) for file in lake.files]})").fetchone()
    assert duckdb.sql(f"{count} '{scale.single(lake)}'").fetchone() == merged
    days = f"read_parquet('{scale.days(lake)}/*/*.parquet', hive_partitioning = true)"
    assert duckdb.sql(f"{count} {days}").fetchone() == merged


def test_a_made_lake_is_found_and_not_made_again(scale: ScaleData, lake: Lake) -> None:
    made = lake.files[0].stat().st_mtime_ns
    assert scale.lake(FLIGHTS, years=4, copies=2).files[0].stat().st_mtime_ns == made
