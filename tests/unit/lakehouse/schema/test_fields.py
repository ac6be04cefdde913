"""The kinds of field: which column each becomes, and whether a row may have no value."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.schema.fields import Date, Field, Integer, Text, Time

_DATE = Date("x", description="", example="2013-01-01", minimum=dt.date(1980, 1, 1), maximum=dt.date(2100, 12, 31))


def _text(**given: Any) -> Text:
    return Text("x", description="", example="A", **given)


@pytest.mark.parametrize(
    ("field", "arrow_type"),
    [
        (_text(), pa.string()),
        (Integer("x", description="", example=1, minimum=0, maximum=9), pa.int32()),
        (Integer("x", description="", example=1, minimum=0, maximum=9, bits=8), pa.int8()),
        (_DATE, pa.date32()),
        (Time("x", description="", example="2013-01-01T00:00:00Z"), pa.timestamp("us", tz="UTC")),
    ],
)
def test_each_kind_has_its_column_type(field: Field, arrow_type: pa.DataType) -> None:
    assert field.arrow_type == arrow_type


@pytest.mark.parametrize(
    ("given", "is_nullable"),
    [
        ({}, True),
        ({"required": True}, False),
        ({"from_publisher": False}, False),  # the writer always gives it
        ({"default": ""}, False),  # stands for an absent value, also when it is empty
        ({"default": "A"}, False),
    ],
)
def test_a_row_may_lack_only_what_nobody_has_to_give(given: dict[str, Any], is_nullable: bool) -> None:
    assert _text(**given).is_nullable == is_nullable
