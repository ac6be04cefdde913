"""Avro files, read back by a reader that shares no code with what writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.table.derived.avro import container
from tests._support.engines.avro import read_avro

_PAIR = {
    "type": "record",
    "name": "pair",
    "fields": [{"name": "key", "type": "int"}, {"name": "value", "type": "bytes"}],
}
_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "all",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "text", "type": "string"},
        {"name": "flag", "type": "boolean"},
        {"name": "maybe", "type": ["null", "long"]},
        {"name": "pairs", "type": ["null", {"type": "array", "items": _PAIR}]},
        {"name": "nothing", "type": {"type": "record", "name": "empty", "fields": []}},
    ],
}
_LONG = st.integers(-(2**63), 2**63 - 1)
_RECORD = st.fixed_dictionaries(
    {
        "number": _LONG,
        "text": st.text(max_size=200),
        "flag": st.booleans(),
        "maybe": st.none() | _LONG,
        "pairs": st.none()
        | st.lists(st.fixed_dictionaries({"key": st.integers(-(2**31), 2**31 - 1), "value": st.binary()}), max_size=3),
        "nothing": st.just({}),
    }
)


@given(st.lists(_RECORD, max_size=5))
def test_records_are_read_back(records: list[dict[str, Any]]) -> None:
    properties, found = read_avro(container(_SCHEMA, records, {"content": "data"}))
    assert found == records
    assert properties["content"] == "data"


def test_a_kind_that_it_does_not_know_is_no_silent_null() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": "double"}]}
    with pytest.raises(TypeError, match="double"):
        container(schema, [{"x": 1.0}], {})
