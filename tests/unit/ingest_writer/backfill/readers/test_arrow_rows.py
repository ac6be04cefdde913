"""Typed columns as Python values: dictionaries, large strings, times that Python lacks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from ingest_writer.backfill.readers.arrow_rows import in_microseconds, in_parts, python_rows


def values(array: pa.Array) -> list[Any]:
    batch = pa.RecordBatch.from_arrays([array], names=["a"])
    return [row["a"] for row in python_rows(in_microseconds(batch))]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["UA", None, "UA"]).dictionary_encode(),
        pa.array(["UA", None, "UA"], pa.large_string()),
        pa.array(["UA", None, "UA"], pa.string_view()),
    ],
    ids=["dictionary", "large", "view"],
)
def test_texts_of_any_layout_are_texts(array: pa.Array) -> None:
    assert values(array) == ["UA", None, "UA"]


def test_a_batch_is_cut_until_its_values_fit() -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), pa.array(["x" * 1000]))
    batch = pa.RecordBatch.from_arrays([long, pa.array(range(100))], names=["a", "b"])
    for max_bytes, rows in ((1_000_000, 100), (30_000, 25), (10, 1)):
        parts = list(in_parts(batch, max_bytes))
        assert max(part.num_rows for part in parts) == rows
        assert [n for part in parts for n in part["b"].to_pylist()] == list(range(100))


def test_text_that_is_no_utf8_is_its_bytes() -> None:
    damaged = pa.StringArray.from_buffers(2, pa.array(["UA", "xx"]).buffers()[1], pa.py_buffer(b"UA\xff\xfe"))
    assert values(damaged) == ["UA", b"\xff\xfe"]
    assert values(damaged.dictionary_encode()) == ["UA", b"\xff\xfe"]


def test_nanoseconds_are_floored_and_infinity_is_a_text() -> None:
    assert values(pa.array([-1], pa.timestamp("ns", "UTC"))) == [
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)
    ]
    assert values(pa.array([2**63 - 1, 0], pa.timestamp("us", "UTC"))) == [
        "infinity, or a time beyond the years 1 to 9999",
        dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    ]
