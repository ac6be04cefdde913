"""Both decoders take and refuse what the table of fields says, at every limit and just beyond it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ingest_writer.decoding.decoder import decode_line_by_line
from ingest_writer.decoding.event import Event, limits
from ingest_writer.decoding.vectorized import _Line, decode_fast_path
from lakehouse.schema.event import FIELD, FIELDS
from lakehouse.schema.fields import Date, Field, Integer, Text, Time
from tests._support.events.builders import by_column, encode, event, message, rows_of

OF_EVENTS = [field for field in FIELDS if field.from_publisher]
AROUND_CLASSES = "AZ09@[/:`az-é Ａ"
"""The ends of A-Z and 0-9, what is next to them, and letters that only look alike."""

Tried = Iterator[tuple[Any, bool]]


def tried(field: Field) -> Tried:
    """Values of the field, each with what the table says of it."""
    match field:
        case Text():
            yield from _texts(field)
            yield from ((other, False) for other in (5, True, ["A"]))
        case Integer(minimum=minimum, maximum=maximum):
            yield from ((value, True) for value in (minimum, minimum + 1, maximum - 1, maximum))
            yield from ((value, False) for value in (minimum - 1, maximum + 1, 1 << 70, str(minimum), minimum + 0.5))
            yield from ((value, False) for value in (float(minimum), True))
        case Date(minimum=first, maximum=last):
            a_day = dt.timedelta(days=1)
            yield from ((str(day), True) for day in (first, first + a_day, last - a_day, last))
            yield from ((str(day), False) for day in (first - a_day, last + a_day))
            yield from ((other, False) for other in (f"{first:%Y%m%d}", f"{first}T00:00:00", "", 20130101))
        case Time():
            yield from ((f"2013-01-01T10:00:00{rest}", True) for rest in ("Z", "+05:30", "-05:00", ".000001Z"))
            yield from ((f"2013-01-01T10:00:00{rest}", False) for rest in ("", "+0530", "z z", "+24:00"))
            yield from ((other, False) for other in ("2013-01-01 10:00:00Z", "2013-01-01", "", 1357034400))


def _texts(field: Text) -> Tried:
    if field.choices:
        for choice in field.choices:
            yield choice, True
            yield from ((changed, False) for changed in (choice.upper(), choice[:-1], f"{choice} ", f"{choice}\n"))
        yield "", False
    elif field.pattern is not None:
        texts = {letter * length for letter in "A0" for length in range(12)}
        texts |= {f"{before}{odd}" for before in ("", "A", "AA", "AAA") for odd in f"{AROUND_CLASSES}\n"}
        yield from ((text, re.fullmatch(field.pattern, text, re.ASCII) is not None) for text in sorted(texts))


def event_with(name: str, value: Any) -> bytes:
    """A valid event, but for `value` if that is not."""
    if name == "flight_date":  # the departure has to be near
        return encode(event(flight_date=value, scheduled_departure=f"{str(value)[:10]}T12:00:00Z"))
    if name in ("scheduled_arrival", "actual_departure", "actual_arrival"):  # after the departure, and not too late
        before = {"scheduled_departure": "2013-01-01T03:00:00Z", "departure_delay_minutes": 0}
        return encode(event(**before, **{name: value}))
    return encode(event(**{name: value}))


def verdicts(lines: list[bytes]) -> tuple[list[bool], list[bool]]:
    """What the decoder line by line makes of each, and what the one by columns does: whether it is an event."""
    messages = [message(line, str(number)) for number, line in enumerate(lines)]
    rejected = {each.message_id for each in decode_line_by_line(messages).rejected}
    left_over = {each.message_id for each in decode_fast_path(messages).rest}
    ids = [each.message_id for each in messages]
    return [name not in rejected for name in ids], [name not in left_over for name in ids]


def test_both_decoders_know_the_fields_of_the_table_and_no_others() -> None:
    names = {field.name for field in OF_EVENTS}
    assert set(Event.__struct_fields__) == names
    assert set(_Line.__struct_fields__) == names


@pytest.mark.parametrize("field", OF_EVENTS, ids=lambda field: str(field.name))
def test_decoders_agree_with_the_table_at_the_limits_of_a_field(field: Field) -> None:
    values, expected = map(list, zip(*tried(field), strict=True))
    assert {*expected} == {True, False}
    by_line, by_column = verdicts([event_with(field.name, value) for value in values])
    assert dict(zip(map(repr, values), by_line, strict=True)) == dict(zip(map(repr, values), expected, strict=True))
    assert dict(zip(map(repr, values), by_column, strict=True)) == dict(zip(map(repr, values), expected, strict=True))


@pytest.mark.parametrize("field", OF_EVENTS, ids=lambda field: str(field.name))
def test_a_field_may_be_absent_or_null_unless_it_is_required(field: Field) -> None:
    without = {name: value for name, value in event().items() if name != field.name}
    lines = [encode(without), encode(without | {field.name: None})]
    assert verdicts(lines) == ([not field.required] * 2, [not field.required] * 2)
    if not field.required:
        default = field.default if isinstance(field, Text) else None
        for decoded in (decode_line_by_line([message(lines[0])]).events, decode_fast_path([message(lines[0])]).events):
            assert by_column(rows_of(decoded)[0])[field.name] == default


@pytest.mark.parametrize("field", OF_EVENTS, ids=lambda field: str(field.name))
def test_a_field_becomes_the_column_of_its_name(field: Field) -> None:
    value = _last_valid(field)
    data = message(event_with(field.name, value))
    if isinstance(field, Time):
        value = dt.datetime.fromisoformat(value)
    for events in (decode_line_by_line([data]).events, decode_fast_path([data]).events):
        [found] = events[field.name].to_pylist()
        assert (found.isoformat() if isinstance(field, Date) else found) == value


def _last_valid(field: Field) -> Any:
    """A value that no other field of the event has, of the last ones that are valid."""
    return [value for value, is_valid in tried(field) if is_valid][-1]


def test_a_field_without_a_limit_that_msgspec_has_is_an_error() -> None:
    assert isinstance(FIELD["flight_date"], Date)
    with pytest.raises(TypeError, match="flight_date"):
        limits("flight_date")
