"""Dates and times as text: ISO dates, RFC 3339 times in UTC with a fraction only where there is one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.schema.timestamps import as_text


def _as_text(values: list[Any], arrow_type: pa.DataType) -> Any:
    return as_text(pa.table({"x": pa.array(values, arrow_type)}))["x"].to_pylist()


def test_a_date_is_an_iso_date() -> None:
    assert _as_text([dt.date(2013, 1, 1), None], pa.date32()) == ["2013-01-01", None]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (dt.datetime(2013, 1, 1, 5, 15, tzinfo=dt.UTC), "2013-01-01T05:15:00Z"),
        (dt.datetime(2013, 1, 1, 5, 15, 0, 120_000, tzinfo=dt.UTC), "2013-01-01T05:15:00.120000Z"),
        (dt.datetime(2013, 1, 1, 5, 15, 30, 1, tzinfo=dt.UTC), "2013-01-01T05:15:30.000001Z"),
        (None, None),
    ],
)
def test_a_time_ends_with_z_and_has_a_fraction_only_when_there_is_one(
    time: dt.datetime | None, text: str | None
) -> None:
    assert _as_text([time], pa.timestamp("us", tz="UTC")) == [text]


def test_a_time_of_another_zone_is_told_in_utc() -> None:
    moment = dt.datetime(2013, 1, 1, 5, 15, tzinfo=dt.UTC)
    assert _as_text([moment], pa.timestamp("us", tz="America/New_York")) == ["2013-01-01T05:15:00Z"]


def test_a_time_without_a_zone_claims_none() -> None:
    assert _as_text([dt.datetime(2013, 1, 1, 5, 15)], pa.timestamp("us")) == ["2013-01-01T05:15:00"]  # noqa: DTZ001


def test_other_columns_stay_as_they_are_and_in_their_order() -> None:
    table = pa.table({"b": [1, None], "day": pa.array([dt.date(2013, 1, 1)] * 2), "a": ["x", "y"]})
    found = as_text(table)
    assert found.column_names == ["b", "day", "a"]
    assert (found["b"], found["a"]) == (table["b"], table["a"])
