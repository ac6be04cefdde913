"""The dates by which a batch closes: found in the bytes of messages, and never too few."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from ingest_writer.decoding.decoder import decode_line_by_line
from ingest_writer.subscriber.flight_dates import flight_dates
from tests._support.events import encode, event, line, message
from tests._support.message_strategies import HOSTILE_MESSAGES, MESSAGES_OF_LINES

_FIRST = {"flight_date": "2013-01-05"}
_OTHER = line(flight_date="2013-01-06")


def _first(**changes: object) -> bytes:
    """A line that begins with its flight date."""
    return encode(_FIRST | {name: value for name, value in event(**changes).items() if name != "flight_date"})


@pytest.mark.parametrize(
    "data",
    [
        _first(),
        _first() + b"\n" + _first(flight_number=2) + b"\n",
        b"\n" + _first(),
        line(flight_date="2013-01-05"),
        json.dumps(event(flight_date="2013-01-05"), indent=2).encode(),
        _first(tail_number="N\\1"),
    ],
)
def test_each_date_counts_once_wherever_it_stands(data: bytes) -> None:
    assert flight_dates([message(data)]) == {b"2013-01-05"}


def test_the_dates_of_all_messages_of_a_pull_are_found() -> None:
    pull = [message(_first(), "a"), message(_OTHER, "b"), message(b"{", "c"), message(b"", "d")]
    assert flight_dates(pull) == {b"2013-01-05", b"2013-01-06"}


@pytest.mark.parametrize(("written", "as_escape"), [(b"flight_date", rb"flight\u005fdate"), (b"-06", rb"-0\u0036")])
def test_a_line_counts_as_a_date_where_one_may_be_written_as_an_escape(written: bytes, as_escape: bytes) -> None:
    hidden = _OTHER.replace(written, as_escape)
    found = flight_dates([message(hidden + b"\n" + hidden, "a"), message(_first(), "b")])
    assert (len(found), b"2013-01-05" in found) == (3, True)


def test_lines_that_may_hide_dates_count_no_more_than_a_message_may_have() -> None:
    hidden = _OTHER.replace(b"flight_date", rb"flight\u005fdate")
    assert len(flight_dates([message(b"\n".join([hidden] * 500))])) == 400


@settings(max_examples=150, deadline=None)
@given(MESSAGES_OF_LINES | HOSTILE_MESSAGES)
def test_there_are_never_fewer_than_the_events_have(data: bytes) -> None:
    given_ = message(data)
    landed = set(decode_line_by_line([given_]).events["flight_date"].to_pylist())
    assert len(flight_dates([given_])) >= len(landed)
