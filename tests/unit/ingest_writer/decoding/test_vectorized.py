"""The fast path: what it takes, whom it leaves to the other one, and that the others do not suffer from it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_writer.decoding.decoder import _COLUMNS_FROM_BYTES, decode_line_by_line, decode_messages
from ingest_writer.decoding.vectorized import _instant, decode_fast_path
from ingest_writer.message import Message
from tests._support.events.builders import by_column, encode, event, line, message, raw, rows_of, whole_event
from tests._support.events.strategies import HOSTILE_MESSAGES, MESSAGES_OF_LINES


def pull(*data: bytes) -> list[Message]:
    return [message(each, f"m{number}") for number, each in enumerate(data)]


def not_taken(*data: bytes) -> list[str]:
    """The messages of a pull that are left over; the others must be there whole, as the other path has them."""
    messages = pull(*data)
    taken = decode_fast_path(messages)
    left = [each.message_id for each in taken.rest]
    alone = decode_line_by_line([each for each in messages if each.message_id not in left])
    assert rows_of(taken.events) == rows_of(alone.events)
    assert alone.rejected == []
    return left


GOOD = line()

PLAIN: dict[str, bytes] = {
    "one object": GOOD,
    "several lines": GOOD + b"\n" + GOOD,
    "a newline at the end": GOOD + b"\r\n" + GOOD + b"\n",
    "every field": encode(whole_event()),
    "fields in another order": encode(dict(reversed(whole_event().items()))),
    "nulls that are written": line(**dict.fromkeys(set(whole_event()) - set(event()), None)),
    "a suffix that is empty": line(operational_suffix=""),
    "blanks around": b" " + GOOD + b"\t ",
    "a tail number of every kind of letter": line(tail_number="-n7Z"),
    "29 February of a leap year": line(flight_date="2012-02-29", scheduled_departure="2012-02-29T23:59:59.999999Z"),
    "the last hour that another zone allows": line(actual_arrival="2013-01-01T00:00:00-23:59"),
}

UNUSUAL: dict[str, bytes] = {
    "an unknown field": line(unlisted="B7"),
    "an unknown field with an object": line(x={"carrier": "AA"}),
    "a key twice": GOOD[:-1] + b', "carrier": "UA"}',
    "a comma in a text": line(tail_number="N1,2"),
    "a text that stands for nothing": line(tail_number="?"),
    "an escape": line().replace(b"UA", b"\\u0055A"),
    "two objects on a line": GOOD + GOOD,
    "an object on two lines": GOOD.replace(b",", b",\n", 1),
    "a blank line": GOOD + b"\n\n" + GOOD,
    "nothing": b"",
    "no UTF-8": GOOD.replace(b"UA", b"U\xff"),
    "a carrier in small letters": line(carrier="ua"),
    "digits of another script": line(carrier="\u0661\u0662"),
    "an airport of two letters": line(diverted_to="AB"),
    "a suffix of two letters": line(operational_suffix="AB"),
    "an integer with a fraction": raw("distance_km", b"1.0"),
    "an integer in a text": line(distance_km="1"),
    "true": line(distance_km=True),
    "a delay above its limit": line(departure_delay_minutes=10081),
    "a computed delay below its limit": line(actual_departure="2012-12-31T10:14:59Z"),
    "a computed delay above its limit": line(actual_departure="2013-01-08T10:16:00Z"),
    "no such day": line(actual_departure="2013-02-30T00:00:00Z"),
    "midnight of the day before": line(actual_departure="2013-01-01T24:00:00Z"),
    "no such flight date": line(flight_date="2013-02-29"),
    "a flight date without dashes": line(flight_date="20130101"),
    "a flight date before 1980": line(flight_date="1979-12-31", scheduled_departure="1979-12-31T00:00:00Z"),
    "a flight date far from the departure": line(flight_date="2013-01-09"),
    "a clock far ahead": line(event_time="2013-01-02T12:00:00.000001Z"),
    "a time without a zone": line(event_time="2013-01-01T11:00:00"),
    "a time with a blank": line(event_time="2013-01-01 11:00:00Z"),
    "a zone without a colon": line(event_time="2013-01-01T11:00:00+0000"),
    "finer than microseconds": line(event_time="2013-01-01T11:00:00.0000009Z"),
    "another century": line(actual_arrival="1801-01-01T00:00:00Z"),
    "a status of another kind": line(status="landed"),
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN.keys())
def test_messages_without_anything_unusual_are_taken(data: bytes) -> None:
    assert not_taken(data) == []
    assert not_taken(GOOD, data, encode(whole_event())) == []


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual_is_left_over_and_its_mates_are_not(data: bytes) -> None:
    assert not_taken(GOOD, data, encode(whole_event()), GOOD + b"\n" + GOOD) == ["m1"]


def test_all_that_is_unusual_at_once_leaves_what_is_plain() -> None:
    mixed = [each for pair in zip(UNUSUAL.values(), [GOOD] * len(UNUSUAL), strict=True) for each in pair]
    assert not_taken(*mixed) == [f"m{number}" for number in range(0, 2 * len(UNUSUAL), 2)]


def test_an_hour_24_is_left_over_whatever_this_python_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(text: str) -> dt.datetime | None:  # as `fromisoformat` of Python 3.14
        return _instant(text) or dt.datetime(2013, 1, 2, tzinfo=dt.UTC)

    monkeypatch.setattr("ingest_writer.decoding.vectorized._instant", newer)
    assert not_taken(GOOD, line(scheduled_departure="2013-01-01T24:00:00Z")) == ["m1"]
    assert not_taken(GOOD, line(actual_arrival="2013-01-01T24:00:00Z")) == ["m1"]


def test_one_bad_line_leaves_its_whole_message_over() -> None:
    assert not_taken(GOOD, GOOD + b"\n" + line(carrier="ua") + b"\n" + GOOD) == ["m1"]


@pytest.mark.parametrize(
    ("departure", "minutes"),
    [
        ("2013-01-01T10:15:00Z", 0),
        ("2013-01-01T10:15:59.999999Z", 0),
        ("2013-01-01T10:14:59.999999Z", -1),
        ("2013-01-01T10:14:00Z", -1),
        ("2013-01-01T10:13:59Z", -2),
        ("2013-01-01T07:15:00Z", -180),
        ("2013-01-04T10:15:59.999999Z", 4320),
    ],
)
def test_a_delay_that_is_computed_is_rounded_down(departure: str, minutes: int) -> None:
    [row] = rows_of(decode_fast_path(pull(line(actual_departure=departure))).events)
    assert by_column(row)["departure_delay_minutes"] == minutes


def test_a_delay_that_was_given_is_not_computed() -> None:
    data = line(actual_departure="2013-01-20T10:15:00Z", departure_delay_minutes=3)
    [row] = rows_of(decode_fast_path(pull(data)).events)
    assert by_column(row)["departure_delay_minutes"] == 3


def test_the_hour_and_the_day_of_a_departure_are_those_of_its_own_clock() -> None:
    late = line(flight_date="2013-01-01", scheduled_departure="2013-01-08T23:59:00-12:00")  # in UTC eight days later
    [row] = rows_of(decode_fast_path(pull(late)).events)
    assert by_column(row)["scheduled_departure_hour"] == 23


def test_an_origin_is_of_the_message_and_the_line() -> None:
    messages = [message(GOOD + b"\n" + GOOD, "a", "2013-01-01T12:00:00.000001Z"), message(GOOD, "b")]
    rows = [by_column(row) for row in rows_of(decode_fast_path(messages).events)]
    assert [(row["message_id"], row["message_line"]) for row in rows] == [("a", 0), ("a", 1), ("b", 0)]
    assert rows[0]["publish_time"] - rows[2]["publish_time"] == 1


def test_nothing_is_taken_from_nothing() -> None:
    taken = decode_fast_path([])
    assert (taken.events.num_rows, list(taken.rest)) == (0, [])


def test_large_pulls_take_the_fast_path_and_small_ones_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def spy(messages: Any) -> Any:
        calls.append(len(messages))
        return decode_fast_path(messages)

    monkeypatch.setattr("ingest_writer.decoding.decoder.decode_fast_path", spy)
    decode_messages(pull(GOOD))
    assert calls == []
    many = pull(*[GOOD] * (_COLUMNS_FROM_BYTES // len(GOOD) + 1))
    assert decode_messages(many).events.num_rows == len(many)
    assert calls == [len(many)]


# Hypothesis prints the example that fails, and how to run it again.
@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGES_OF_LINES | HOSTILE_MESSAGES, min_size=1, max_size=8))
def test_a_pull_becomes_what_its_messages_become_one_by_one(data: list[bytes]) -> None:
    messages = pull(*data)
    together = decode_messages(messages, columns_from_bytes=0)
    alone = decode_line_by_line(messages)
    assert sorted(rows_of(together.events), key=_origin) == sorted(rows_of(alone.events), key=_origin)
    assert together.rejected == alone.rejected
    assert together.unknown_fields == alone.unknown_fields


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(dt.datetime.fromisoformat("1895-01-01"), dt.datetime.fromisoformat("2205-01-01")),
    st.sampled_from(["Z", "+00:00", "-00:00", "+14:00", "-12:00", "+05:45", "+23:59", "-23:59", "+24:00", "+00:60"]),
    st.integers(0, 7),
)
def test_both_paths_read_the_same_instant(moment: dt.datetime, zone: str, digits: int) -> None:
    fraction = f".{moment.microsecond:06d}0"[: 1 + digits] if digits else ""
    text = f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"
    messages = pull(line(scheduled_arrival=text))
    together, alone = decode_messages(messages, columns_from_bytes=0), decode_line_by_line(messages)
    assert rows_of(together.events) == rows_of(alone.events)
    assert together.rejected == alone.rejected


def _origin(row: tuple[Any, ...]) -> tuple[str, int]:
    values = by_column(row)
    return values["message_id"], values["message_line"]
