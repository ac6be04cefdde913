"""The fast path may only ever save time: with it and without it, every message has the same outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_writer.decoding.decoder import Decoded, decode_line_by_line, decode_messages, event_table
from ingest_writer.decoding.event import Row
from ingest_writer.decoding.vectorized import decode_fast_path
from lakehouse.schema.event import COLUMNS
from lakehouse.schema.json_schema import event_schema
from tests._support.events import encode, line, message, raw, rows_of, whole_event

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


# -- strategies ------------------------------------------------------------------------------------------------

_times = st.builds(
    "2013-01-{:02d}T{:02d}:{:02d}:{:02d}{}{}".format,
    st.integers(1, 3),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.sampled_from(["", ".5", ".123456", ".9999999", ".1234565"]),
    st.sampled_from(["Z", "+00:00", "-05:00", "+05:45", "+14:00"]),
)
_early_times = st.builds("2013-01-01T{:02d}:15:00-05:00".format, st.integers(0, 23))
_airports = st.from_regex(r"[A-Z0-9]{3,4}", fullmatch=True)
_minutes = st.integers(-1440, 10080)
_small = st.integers(0, 32767)

_required = {
    "flight_date": st.sampled_from(["2013-01-01", "2012-12-31", "2013-01-05"]),
    "carrier": st.from_regex(r"[A-Z0-9]{2,3}", fullmatch=True),
    "flight_number": st.integers(1, 9999),
    "origin": _airports,
    "destination": _airports,
    "scheduled_departure": _times,
    "status": st.sampled_from(["scheduled", "departed", "arrived", "cancelled", "diverted", "void"]),
    "event_time": _early_times,
}
_optional: dict[str, st.SearchStrategy[Any]] = {
    "operational_suffix": st.sampled_from(["", "A", "Z"]),
    "diverted_to": _airports,
    "scheduled_arrival": _times,
    "actual_departure": _times,
    "actual_arrival": _times,
    "departure_delay_minutes": _minutes,
    "arrival_delay_minutes": _minutes,
    "tail_number": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10),
    "air_time_minutes": _small,
    "distance_km": _small,
}
_null = st.none()
_events = st.fixed_dictionaries(_required, optional={name: values | _null for name, values in _optional.items()})
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_separators = st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n ", b"", b" ", b",", b"}\n{"])
_lines = st.builds(
    lambda event, ascii_only, spread: json.dumps(event, ensure_ascii=ascii_only, indent=spread).encode(),
    _events,
    st.booleans(),
    st.sampled_from([None, None, None, 1]),
)


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    """Mostly good lines, put together in ways that are not always good."""
    return b"".join(draw(_lines) + draw(_separators) for _ in range(draw(st.integers(1, 3))))


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A message with a few bytes cut, doubled, replaced or put in."""
    data = bytearray(draw(_messages()))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        piece = draw(
            st.sampled_from(
                [
                    *(
                        b"",
                        b'"',
                        b"\\",
                        b"\n",
                        b"{",
                        b"}",
                        b",",
                        b":",
                        b"null",
                        b"NaN",
                        b"0",
                        b"-",
                        b"e5",
                        b"\xff",
                        b"\xc3\xa9",
                    ),
                    *(
                        b'"x":1,',
                        b'"carrier":"AA",',
                        b'{"a":{}}',
                        b" ",
                        b"\t",
                        b"\x00",
                        b"\\u0041",
                        b"\\ud800",
                        b"true",
                        b"1.0",
                    ),
                    bytes(data[at : at + 30]),
                ]
            )
            | st.binary(max_size=4)
        )
        data[at : at + length] = piece
    return bytes(data)


messages_of_lines = _messages()
"""Messages that are nearly good."""

hostile = _mutated() | st.binary(max_size=200)
"""Messages that are not."""


# -- tests -----------------------------------------------------------------------------------------------------


@many
@given(_messages())
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
@given(_mutated())
def test_both_paths_agree_on_mutated_messages(data: bytes) -> None:
    check_paths_agree(data)


@many
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | _json.map(encode))
def test_any_bytes_become_rows_or_rejected_lines(data: bytes) -> None:
    check_paths_agree(data)


@some
@given(_events, st.dictionaries(st.text(min_size=1, max_size=5).filter(lambda n: n not in COLUMNS), _json, max_size=2))
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


def test_what_goes_line_by_line_is_rows_only_some_megabytes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def spy(rows: Sequence[Row]) -> pa.Table:
        sizes.append(len(rows))
        return event_table(rows)

    monkeypatch.setattr("ingest_writer.decoding.decoder.event_table", spy)
    monkeypatch.setattr("ingest_writer.decoding.decoder._GROUP_BYTES", 10_000)
    messages = [message(line(gate="B7"), f"m{number}") for number in range(300)]
    decoded = decode_messages([*messages, message(b"bad", "bad")], columns_from_bytes=0)
    assert [row[COLUMNS.index("message_id")] for row in rows_of(decoded.events)] == [m.message_id for m in messages]
    assert (len(decoded.rejected), decoded.unknown_fields) == (1, {"gate": 300})
    assert max(sizes) < 50
    assert sum(sizes) == 300


@some
@given(_events)
def test_events_without_anything_unusual_take_the_fast_path(values: dict[str, Any]) -> None:
    # Without this, the tests above could pass with a fast path that takes nothing.
    known = {name: value for name, value in values.items() if value is not None}
    known |= {"tail_number": "N14228", "departure_delay_minutes": 0, "arrival_delay_minutes": 0}
    data = encode(known).replace(b".9999999", b".5").replace(b".1234565", b"")
    for plain in (data, data + b"\n" + data + b"\n", data + b"\r\n" + data):
        assert not decode_fast_path([message(plain)]).rest
