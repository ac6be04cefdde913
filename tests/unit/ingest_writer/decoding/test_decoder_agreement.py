"""The fast path may only ever save time: with it and without it, every message has the same outcome."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_writer.decoding.decoder import Decoded, decode_line_by_line, decode_messages
from ingest_writer.decoding.vectorized import decode_fast_path
from lakehouse.schema.event import COLUMNS
from lakehouse.schema.json_schema import event_schema
from tests._support.events.builders import encode, line, message, raw, rows_of, whole_event
from tests._support.events.strategies import EVENTS, JSON_VALUES, MESSAGES_OF_LINES, MUTATED_MESSAGES

# Hypothesis prints the example that fails, and how to run it again.
many = settings(max_examples=150, deadline=None)
some = settings(max_examples=40, deadline=None)

_VALIDATOR = jsonschema.Draft202012Validator(event_schema(), format_checker=jsonschema.FormatChecker())


def fast(data: bytes) -> Decoded:
    return decode_messages([message(data)], columns_from_bytes=0)


def slow(data: bytes) -> Decoded:
    return decode_line_by_line([message(data)])


def check_paths_agree(data: bytes) -> None:
    with_fast, without = fast(data), slow(data)
    assert rows_of(with_fast.events) == rows_of(without.events)
    assert with_fast.rejected == without.rejected
    assert with_fast.unknown_fields == without.unknown_fields
    assert with_fast.events.num_rows + len(with_fast.rejected) >= 1  # nothing is dropped silently


@many
@given(MESSAGES_OF_LINES)
@example(line() + line() + b"\n")  # as many objects as newlines, and yet two on a line
@example(line().replace(b", ", b",\n", 1) + line() + b"\n")
@example(line() + line() + b"\n ")
@example(line().replace(b"}", b"\n}\n") + line())
@example(raw("a", b"{}"))
@example(line(event_time="2013-01-01 11:00:00Z"))
@example(line(event_time="2013-01-01T11:00:00+0530"))
@example(line(event_time="2013-01-01T11:00:00.0000009Z") + b"\n" + line())
@example(line(tail_number="}").replace(b'"}"', b'"}\n"'))
@example(encode(whole_event()) + b"\n" + encode(whole_event(tail_number=None)))
def test_both_paths_agree_on_messages_that_are_nearly_good(data: bytes) -> None:
    check_paths_agree(data)


@many
@given(MUTATED_MESSAGES)
def test_both_paths_agree_on_mutated_messages(data: bytes) -> None:
    check_paths_agree(data)


@many
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | JSON_VALUES.map(encode))
def test_any_bytes_become_rows_or_rejected_lines(data: bytes) -> None:
    check_paths_agree(data)


@some
@given(
    EVENTS, st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda n: n not in COLUMNS), JSON_VALUES, max_size=2)
)
def test_an_event_that_conforms_to_the_schema_is_taken(values: dict[str, Any], unknown: dict[str, Any]) -> None:
    derived_ones_in_range = {"departure_delay_minutes": 0, "arrival_delay_minutes": 0}
    event = unknown | values | derived_ones_in_range
    if any("\ud800" <= character <= "\udfff" for character in json.dumps(event, ensure_ascii=False)):
        return  # such a text has no bytes
    _VALIDATOR.validate(event)
    decoded = fast(encode(event))
    assert decoded.rejected == []
    assert decoded.events.num_rows == 1
    assert decoded.unknown_fields.keys() == unknown.keys()


@some
@given(EVENTS)
def test_events_without_anything_unusual_take_the_fast_path(values: dict[str, Any]) -> None:
    # Without this, the tests above could pass with a fast path that takes nothing.
    known = {name: value for name, value in values.items() if value is not None}
    known |= {"tail_number": "N14228", "departure_delay_minutes": 0, "arrival_delay_minutes": 0}
    data = encode(known).replace(b".9999999", b".5").replace(b".1234565", b"")
    for plain in (data, data + b"\n" + data + b"\n", data + b"\r\n" + data):
        assert not decode_fast_path([message(plain)]).rest
