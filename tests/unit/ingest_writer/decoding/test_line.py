"""What becomes of a line: a row, or a rejected line with its reason."""

from __future__ import annotations

import datetime as dt
import time
import tracemalloc
from typing import Any

import pytest

from ingest_writer.decoding.decoder import decode_messages
from ingest_writer.decoding.event import RejectError
from ingest_writer.decoding.line import _MAX_NESTING, is_nested_too_deep, parse_object
from tests._support.events.builders import (
    PUBLISHED,
    by_column,
    encode,
    event,
    later_fields,
    line,
    message,
    microseconds,
    raw,
    rows_of,
    whole_event,
    without,
)
from tests._support.events.decoded import decode, rejection, row_of
from tests._support.long_cases import long_after

GOOD = line()


# -- good events -----------------------------------------------------------------------------------------------


def test_every_column_when_every_field_is_given() -> None:
    decoded = decode_messages([message(encode(whole_event()), "m-1")])
    [row] = rows_of(decoded.events)
    assert by_column(row) == {
        "flight_date": dt.date(2013, 1, 1),
        "carrier": "UA",
        "flight_number": 1545,
        "operational_suffix": "A",
        "origin": "EWR",
        "destination": "IAH",
        "diverted_to": "DFW",
        "scheduled_departure": microseconds("2013-01-01T10:15:00Z"),
        "scheduled_departure_hour": 5,
        "scheduled_arrival": microseconds("2013-01-01T14:19:00Z"),
        "actual_departure": microseconds("2013-01-01T10:17:00Z"),
        "actual_arrival": microseconds("2013-01-01T14:30:00Z"),
        "status": "diverted",
        "departure_delay_minutes": 2,
        "arrival_delay_minutes": 11,
        "air_time_minutes": 227,
        "distance_km": 2253,
        "tail_number": "N14228",
        "event_time": microseconds("2013-01-01T11:00:00Z"),
        "publish_time": microseconds(PUBLISHED),
        "message_id": "m-1",
        "message_line": 0,
        "decoder_version": 3,
    } | dict.fromkeys(later_fields())
    assert decoded.unknown_fields == {}


def test_without_optional_fields_columns_are_null_and_the_suffix_is_empty() -> None:
    row = row_of()
    assert row["operational_suffix"] == ""
    nulls = {name for name, value in row.items() if value is None}
    assert nulls == {
        *("diverted_to", "scheduled_arrival", "actual_departure", "actual_arrival", "departure_delay_minutes"),
        *("arrival_delay_minutes", "air_time_minutes", "distance_km", "tail_number"),
        *later_fields(),
    }


def test_null_is_the_same_as_absent() -> None:
    optional = {name: None for name in whole_event() if name not in event()}
    assert row_of(**optional) == row_of()


@pytest.mark.parametrize("status", ["scheduled", "departed", "arrived", "cancelled", "diverted", "void"])
def test_every_status_is_taken(status: str) -> None:
    assert row_of(status=status)["status"] == status


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("carrier", "9W"),
        ("carrier", "EZY"),
        ("flight_number", 1),
        ("flight_number", 9999),
        ("operational_suffix", "Z"),
        ("origin", "KEWR"),
        ("destination", "XX1"),
        ("diverted_to", "LAX"),
        ("departure_delay_minutes", -1440),
        ("departure_delay_minutes", 0),
        ("arrival_delay_minutes", 10080),
        ("air_time_minutes", 0),
        ("distance_km", 32767),
        ("tail_number", "N"),
        ("tail_number", "1234567890"),
        ("tail_number", "-n7-zZ"),
    ],
)
def test_a_value_at_the_edge_of_its_range_is_kept(name: str, value: object) -> None:
    assert row_of(**{name: value})[name] == value


@pytest.mark.parametrize("day", ["1980-01-01", "2012-02-29", "2100-12-31"])
def test_a_flight_date_at_the_edge_is_kept(day: str) -> None:
    row = by_column(rows_of(decode(line(flight_date=day, scheduled_departure=f"{day}T00:00:00Z")).events)[0])
    assert row["flight_date"] == dt.date.fromisoformat(day)


@pytest.mark.parametrize("day", ["2012-12-25", "2013-01-08"])
def test_a_flight_rescheduled_by_seven_days_keeps_its_date(day: str) -> None:
    assert row_of(flight_date=day)["flight_date"] == dt.date.fromisoformat(day)


def test_the_days_between_are_counted_on_the_origins_calendar() -> None:
    late = "2013-01-08T23:30:00-05:00"  # in UTC it is the 9th, eight days away
    assert row_of(scheduled_departure=late)["scheduled_departure"] == microseconds("2013-01-09T04:30:00Z")


# -- times -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "utc", "hour"),
    [
        ("2013-01-01T05:15:00-05:00", "2013-01-01T10:15:00Z", 5),
        ("2013-01-01T05:15:00+05:30", "2012-12-31T23:45:00Z", 5),
        ("2013-01-01T00:00:00+14:00", "2012-12-31T10:00:00Z", 0),
        ("2013-01-01T23:59:59.999999-12:00", "2013-01-02T11:59:59.999999Z", 23),
        ("2013-01-01T05:15:00Z", "2013-01-01T05:15:00Z", 5),
        ("2013-01-01t05:15:00z", "2013-01-01T05:15:00Z", 5),
    ],
)
def test_the_hour_is_that_of_the_offset_given(text: str, utc: str, hour: int) -> None:
    row = row_of(scheduled_departure=text)
    assert (row["scheduled_departure"], row["scheduled_departure_hour"]) == (microseconds(utc), hour)


@pytest.mark.parametrize(
    ("fraction", "expected_us"),
    [
        (".000001", 1),
        (".999999", 999_999),
        (".1234564", 123_456),
        (".1234565", 123_456),
        (".1234569999", 123_456),
        (".9999994", 999_999),
        (".9999995", 999_999),
        (".00000000000000000001", 0),
        ("." + "9" * 1000, 999_999),
        (".5", 500_000),
    ],
)
def test_fractions_finer_than_microseconds_are_cut(fraction: str, expected_us: int) -> None:
    row = row_of(actual_departure=f"2013-01-01T10:17:00{fraction}Z")
    assert row["actual_departure"] - microseconds("2013-01-01T10:17:00Z") == expected_us


def test_a_cut_time_stays_in_its_hour_and_before_1970_too_goes_to_the_past() -> None:
    row = row_of(scheduled_departure="2013-01-01T05:59:59.9999999-05:00", actual_arrival="1969-12-31T23:59:59.9999999Z")
    assert row["scheduled_departure_hour"] == 5
    assert row["scheduled_departure"] == microseconds("2013-01-01T10:59:59.999999Z")
    assert row["actual_arrival"] == -1


@pytest.mark.parametrize("beside", [b"", b"\n" + line(flight_number=2)])
@pytest.mark.parametrize(
    "text", ["2013-01-01 05:15:00-05:00", "2013-01-01T05:15:00-0500", "2013-01-01 05:15:00.1234567+0530"]
)
@pytest.mark.parametrize("name", ["scheduled_departure", "event_time", "actual_arrival"])
def test_a_time_with_a_blank_for_t_or_an_offset_without_colon_is_rejected(name: str, text: str, beside: bytes) -> None:
    decoded = decode(line(**{name: text}) + beside)
    assert len(rows_of(decoded.events)) == bool(beside)
    [rejected] = decoded.rejected
    assert rejected.stage == "validate"
    assert rejected.reason == (
        f"RFC 3339 has a T between date and time, and a colon in the offset, not {text!r} - at `$.{name}`"
    )


@pytest.mark.parametrize(
    "text", ["0001-01-02T00:00:00Z", "0001-01-02T23:59:00+23:59", "9999-12-30T00:00:00Z", "1969-12-31T23:59:59.999999Z"]
)
def test_times_far_from_today_are_exact(text: str) -> None:
    given = {"actual_arrival": text}
    assert row_of(**given)["actual_arrival"] == microseconds(text)


@pytest.mark.parametrize(
    "text",
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0001-01-01T23:59:59Z", "9999-12-31T23:59:59Z"),
        *("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999-23:59"),
    ],
)
def test_a_time_is_rejected_when_an_offset_could_push_it_out_of_the_calendar(text: str) -> None:
    stage, reason = rejection(line(actual_arrival=text))
    assert stage == "validate"
    assert "actual_arrival" in reason


@pytest.mark.parametrize(
    "text",
    [
        *("2013-01-01T05:15:00", "2013-01-01", "2013-01-01T05:15Z", "2013-01-01T24:00:00Z", "2013-01-01T05:60:00Z"),
        *("2013-01-01T05:15:61Z", "2013-02-30T05:15:00Z", "2013-13-01T05:15:00Z", "2013-1-1T05:15:00Z"),
        *("0000-01-01T05:15:00Z", "2013-01-01T05:15:00+24:00", "2013-01-01T05:15:00+05:60", "2013-01-01T05:15:00.Z"),
        *("2013-01-01T05:15:00,5Z", " 2013-01-01T05:15:00Z", "2013-01-01T05:15:00Z ", "now", "", "1357035300"),
        *("2013-01-01T05:15:00\u221205:00", "20130101T051500Z"),
    ],
)
@pytest.mark.parametrize("name", ["scheduled_departure", "event_time", "actual_arrival"])
def test_a_text_that_is_no_time_with_offset_is_rejected(name: str, text: str) -> None:
    stage, reason = rejection(line(**{name: text}))
    assert stage == "validate"
    assert f"$.{name}" in reason


@pytest.mark.parametrize("text", [b"1357035300", b"1357035300.5", b"true", b"{}", b"[]"])
def test_a_time_that_is_not_a_text_is_rejected(text: bytes) -> None:
    stage, reason = rejection(raw("event_time", text))
    assert stage == "validate"
    assert "$.event_time" in reason


# -- delays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "minutes"),
    [
        ("2013-01-01T05:15:00-05:00", 0),
        ("2013-01-01T05:15:59.999999-05:00", 0),
        ("2013-01-01T05:16:00-05:00", 1),
        ("2013-01-01T05:14:59.999999-05:00", -1),
        ("2013-01-01T05:14:00-05:00", -1),
        ("2013-01-01T05:13:59-05:00", -2),
        ("2013-01-01T11:15:00+01:00", 0),
        ("2013-01-01T02:15:00-05:00", -180),
        ("2013-01-04T05:15:59-05:00", 4320),
    ],
)
def test_a_delay_is_actual_minus_scheduled_floored_to_minutes(actual: str, minutes: int) -> None:
    assert row_of(actual_departure=actual)["departure_delay_minutes"] == minutes


def test_the_arrival_delay_needs_both_times() -> None:
    scheduled, actual = "2013-01-01T08:19:00-06:00", "2013-01-01T08:18:30-06:00"
    assert row_of(scheduled_arrival=scheduled)["arrival_delay_minutes"] is None
    assert row_of(actual_arrival=actual)["arrival_delay_minutes"] is None
    assert row_of(scheduled_arrival=scheduled, actual_arrival=actual)["arrival_delay_minutes"] == -1


@pytest.mark.parametrize("given", [0, -5, 17])
def test_a_given_delay_wins_over_the_times(given: int) -> None:
    row = row_of(
        actual_departure="2013-01-01T06:15:00-05:00",
        departure_delay_minutes=given,
        scheduled_arrival="2013-01-01T08:19:00-06:00",
        actual_arrival="2013-01-05T08:19:00-06:00",
        arrival_delay_minutes=given,
    )
    assert row["departure_delay_minutes"] == row["arrival_delay_minutes"] == given


@pytest.mark.parametrize("actual", ["2012-12-31T05:14:59-05:00", "2013-01-08T05:16:00-05:00"])
def test_a_delay_out_of_range_is_rejected_when_it_is_derived(actual: str) -> None:
    stage, reason = rejection(line(actual_departure=actual))
    assert stage == "validate"
    assert reason.startswith("departure_delay_minutes (actual minus scheduled) is ")


def test_times_far_apart_are_taken_when_the_delay_is_given() -> None:
    assert row_of(actual_departure="2014-01-01T00:00:00Z", departure_delay_minutes=5)["departure_delay_minutes"] == 5


# -- bad lines -------------------------------------------------------------------------------------------------

NOT_AN_OBJECT = {
    "empty": (b"", "empty"),
    "only blanks": (b" \t\r\n", "empty"),
    "only newlines": (b"\n\n\n", "empty"),
    "not UTF-8": (GOOD.replace(b"UA", b"\xff\xfe"), "not UTF-8: byte "),
    "cut inside a character": (line(tail_number="é")[:-3], "not UTF-8"),
    "a surrogate as bytes": (line(tail_number="x").replace(b'"x"', b'"\xed\xa0\x80"'), "not UTF-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "not JSON"),
    "text": (b"Hello", "not JSON"),
    "cut": (GOOD[:-1], "not JSON"),
    "gzip": (b"\x1f\x8b\x08\x00", "not UTF-8"),
    "a NUL": (b"\x00", "not JSON"),
    "two objects on one line": (GOOD + b" " + GOOD, "not JSON: Extra data"),
    "a comma after": (GOOD + b",", "not JSON: Extra data"),
    "single quotes": (GOOD.replace(b'"', b"'"), "not JSON"),
    "a comment": (GOOD + b"// good", "not JSON"),
    "a trailing comma": (GOOD[:-1] + b",}", "not JSON"),
    "a list": (b"[" + GOOD + b"]", "a JSON list, not an object"),
    "a number": (b"17", "a JSON int, not an object"),
    "a fraction": (b"1.5", "a JSON float, not an object"),
    "a string": (b'"event"', "a JSON str, not an object"),
    "null": (b"null", "a JSON NoneType, not an object"),
    "true": (b"true", "a JSON bool, not an object"),
    "NaN alone": (b"NaN", "not JSON: NaN"),
    "NaN": (raw("distance_km", b"NaN"), "not JSON: NaN"),
    "Infinity": (raw("distance_km", b"Infinity"), "not JSON: Infinity"),
    "minus Infinity in an unknown field": (raw("score", b"-Infinity"), "not JSON: -Infinity"),
    "a leading zero": (raw("flight_number", b"01545"), "not JSON"),
    "a plus sign": (raw("flight_number", b"+1545"), "not JSON"),
    "hexadecimal": (raw("flight_number", b"0x609"), "not JSON"),
    "a raw control character": (raw("tail_number", b'"N1\x01"'), "not JSON"),
    "a raw tab": (raw("tail_number", b'"N1\t"'), "not JSON"),
    "a bad escape": (raw("tail_number", b'"\\x41"'), "not JSON"),
    "half a unicode escape": (raw("tail_number", b'"\\u00"'), "not JSON"),
    "a lone surrogate": (raw("tail_number", b'"\\ud800"'), "not JSON"),
    "the same key twice": (GOOD[:-1] + b', "carrier": "UA"}', "duplicate keys: carrier"),
    "the same unknown key twice": (GOOD[:-1] + b', "x": 1, "x": 2}', "duplicate keys: x"),
    "a key twice, once escaped": (GOOD[:-1] + b', "c\\u0061rrier": "AA"}', "duplicate keys: carrier"),
    "a lone surrogate in an unknown field": (raw("x", b'"\\udc00"'), "not JSON"),
    "nested 101 deep": (raw("x", b"[" * 99 + b"{}" + b"]" * 99), "nested too deep"),
    "nested too deep": (raw("x", b"[" * 100_000 + b"]" * 100_000), "nested too deep"),
}


@pytest.mark.parametrize(("data", "reason"), NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT.keys())
def test_a_line_that_is_no_json_object_is_rejected_at_decode(data: bytes, reason: str) -> None:
    stage, found = rejection(data)
    assert stage == "decode"
    assert reason in found


NOT_AN_EVENT = {
    "no fields": (b"{}", "missing required field `flight_date`"),
    **{f"no {name}": (encode(without(name)), f"missing required field `{name}`") for name in event()},
    **{f"{name} null": (line(**{name: None}), f"$.{name}") for name in event()},
    **{f"{name} an object": (raw(name, b"{}"), f"$.{name}") for name in whole_event()},
    **{f"{name} a list": (raw(name, b"[1]"), f"$.{name}") for name in whole_event()},
    **{f"{name} true": (raw(name, b"true"), f"$.{name}") for name in whole_event()},
    "a number as text": (line(flight_number="1545"), "$.flight_number"),
    "a text as number": (line(carrier=12), "$.carrier"),
    "a fraction": (line(flight_number=1545.5), "$.flight_number"),
    "a fraction of nothing": (raw("flight_number", b"1545.0"), "$.flight_number"),
    "an integer with an exponent": (raw("flight_number", b"1e3"), "$.flight_number"),
    "flight number 0": (line(flight_number=0), "$.flight_number"),
    "flight number 10000": (line(flight_number=10_000), "$.flight_number"),
    "flight number negative": (line(flight_number=-1), "$.flight_number"),
    "flight number of 5000 digits": (raw("flight_number", b"9" * 5000), "$.flight_number"),
    "flight number 1e400": (raw("flight_number", b"1e400"), "$.flight_number"),
    "a delay below": (line(departure_delay_minutes=-1441), "$.departure_delay_minutes"),
    "a delay above": (line(arrival_delay_minutes=10_081), "$.arrival_delay_minutes"),
    "air time negative": (line(air_time_minutes=-1), "$.air_time_minutes"),
    "distance above": (line(distance_km=32_768), "$.distance_km"),
    "distance beyond 64 bits": (line(distance_km=1 << 70), "$.distance_km"),
    "carrier of one letter": (line(carrier="U"), "$.carrier"),
    "carrier of four letters": (line(carrier="UAAA"), "$.carrier"),
    "carrier in small letters": (line(carrier="ua"), "$.carrier"),
    "carrier with a newline": (line(carrier="UA\n"), "$.carrier"),
    "carrier in other digits": (line(carrier="U\u0663"), "$.carrier"),
    "an airport of five letters": (line(origin="KEWRX"), "$.origin"),
    "an airport of two letters": (line(destination="EW"), "$.destination"),
    "an empty airport": (line(diverted_to=""), "$.diverted_to"),
    "two suffixes": (line(operational_suffix="AB"), "$.operational_suffix"),
    "a suffix in small letters": (line(operational_suffix="a"), "$.operational_suffix"),
    "a suffix with a newline": (line(operational_suffix="A\n"), "$.operational_suffix"),
    "an empty tail number": (line(tail_number=""), "$.tail_number"),
    "a tail number of 11 characters": (line(tail_number="12345678901"), "$.tail_number"),
    "an unknown status": (line(status="delayed"), "$.status"),
    "a status in capitals": (line(status="ARRIVED"), "$.status"),
    "an impossible date": (line(flight_date="2013-02-29"), "$.flight_date"),
    "a date with a time": (line(flight_date="2013-01-01T00:00:00"), "$.flight_date"),
    "a short date": (line(flight_date="2013-1-1"), "$.flight_date"),
    "a date before 1980": (line(flight_date="1979-12-31"), "flight_date is 1979-12-31, outside 1980 to 2100"),
    "a date after 2100": (line(flight_date="2101-01-01"), "flight_date is 2101-01-01, outside 1980 to 2100"),
    "a date 8 days off": (line(flight_date="2013-01-09"), "is 8 days from scheduled_departure"),
    "a departure 8 days before": (line(flight_date="2012-12-24"), "is 8 days from scheduled_departure"),
    "an event of 2099": (line(event_time="2099-01-01T00:00:00Z"), "more than 24 h after the message was published"),
    "an event a microsecond too far ahead": (
        line(event_time="2013-01-02T12:00:00.000001Z"),
        "more than 24 h after the message was published",
    ),
}


@pytest.mark.parametrize(("data", "reason"), NOT_AN_EVENT.values(), ids=NOT_AN_EVENT.keys())
def test_an_object_that_is_no_event_is_rejected_at_validate(data: bytes, reason: str) -> None:
    stage, found = rejection(data)
    assert stage == "validate"
    assert reason in found


def test_an_event_exactly_24_hours_ahead_is_taken() -> None:
    assert row_of(event_time="2013-01-02T12:00:00Z")["event_time"] == microseconds("2013-01-02T12:00:00Z")


@pytest.mark.parametrize(
    "data", [entry[0] for entry in NOT_AN_OBJECT.values() if b"\n" not in entry[0] and entry[0].strip()][:20]
)
def test_the_neighbours_of_a_bad_line_land(data: bytes) -> None:
    first, last = line(flight_number=1), line(flight_number=2)
    decoded = decode(b"\n".join([first, data, last]))
    assert [(row[2], by_column(row)["message_line"]) for row in rows_of(decoded.events)] == [(1, 0), (2, 2)]
    assert [(rejected.bytes, rejected.message_line) for rejected in decoded.rejected] == [(data, 1)]


# -- unknown fields, escapes -----------------------------------------------------------------------------------


def test_unknown_fields_are_ignored_and_counted() -> None:
    data = line(unlisted="A1", also_unlisted=[{"carrier": "AA"}]) + b"\n" + line(unlisted=None) + b"\n" + line()
    decoded = decode(data)
    assert decoded.rejected == []
    assert [row[:6] for row in rows_of(decoded.events)] == [rows_of(decode(GOOD).events)[0][:6]] * 3
    assert decoded.unknown_fields == {"unlisted": 2, "also_unlisted": 1}


@pytest.mark.parametrize(
    "text",
    [
        b'"a\\"b\\\\c"',
        b'{"a": {"b": [1, 2, {"c": null}]}}',
        b"1e999",
        b"9" * 5000,
        b"-0",
        b"0.1e-7",
        b'"{}\\n{}"',
        b"[]",
        b"[" * 98 + b"{}" + b"]" * 98,
        b'"' + b"[" * 1000 + b'"',
        b'"' + b'\\"[' * 1000 + b'"',
        b"[" + b"[]," * 1000 + b"{}]",
    ],
)
def test_an_event_is_taken_whatever_an_unknown_field_holds(text: bytes) -> None:
    decoded = decode(raw("note", text))
    assert decoded.rejected == []
    assert decoded.unknown_fields == {"note": 1}


def test_unknown_fields_are_counted_under_a_bounded_number_of_names() -> None:
    data = b"\n".join(line(unlisted=1, **{f"x{number}": 1}) for number in range(1500))
    decoded = decode(data)
    assert decoded.events.num_rows == 1500
    assert (decoded.unknown_fields.total(), len(decoded.unknown_fields)) == (3000, 1001)
    assert decoded.unknown_fields["(others)"] >= 500


def test_a_long_name_of_an_unknown_field_is_cut() -> None:
    assert decode(line(**{"x" * 1000: 1})).unknown_fields == {"x" * 80: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\u004e1"', "N1"),
        (b'"N\\u002d1"', "N-1"),
        (b'"\\u004E\\u0031"', "N1"),
    ],
)
def test_escapes_mean_what_json_says(text: bytes, value: str) -> None:
    [row] = rows_of(decode(raw("tail_number", text)).events)
    assert by_column(row)["tail_number"] == value


@pytest.mark.parametrize(
    "text",
    [
        *(b'"N1\\"2"', b'"N1\\\\2"', b'"N1\\/2"', b'"\\ud83d\\ude80"', b'"\\t"', b'"\\n"', b'"N1\\n"', b'"\\u0000"'),
        *(
            b'"{}[],:"',
            '"🚀"'.encode(),
            b'"=1+1"',
            b'"@N1"',
            b'"+N1"',
            b'"N 1"',
            b'"\\u202eN1"',
            '"飛"'.encode(),
            b'""',
        ),
    ],
)
def test_a_tail_number_has_letters_digits_and_hyphens_only(text: bytes) -> None:
    stage, reason = rejection(raw("tail_number", text))
    assert (stage, "$.tail_number" in reason) == ("validate", True)


@pytest.mark.parametrize("kind", ["scheduled", "actual"])
def test_an_arrival_before_its_departure_is_rejected(kind: str) -> None:
    departure = {f"{kind}_departure": "2013-01-01T23:55:00-05:00"}
    same = row_of(**departure, **{f"{kind}_arrival": "2013-01-02T04:55:00Z"}, departure_delay_minutes=0)
    assert same[f"{kind}_arrival"] == same[f"{kind}_departure"]
    early = {f"{kind}_arrival": "2013-01-01T02:15:00-05:00"}
    stage, reason = rejection(line(**departure, **early, departure_delay_minutes=0))
    assert stage == "validate"
    assert reason.startswith(f"{kind}_arrival 2013-01-01T07:15:00Z is before {kind}_departure 2013-01-02T04:55:00Z")


@pytest.mark.parametrize("text", ["2013-01-01T05:15:00-00:00", "2013-01-01T05:15:00.123456789-00:00"])
def test_an_unknown_offset_is_no_local_hour_of_departure(text: str) -> None:
    assert "-00:00 is an unknown offset" in rejection(line(scheduled_departure=text))[1]
    assert row_of(actual_departure="2013-01-01T10:15:00-00:00")["departure_delay_minutes"] == 0


@pytest.mark.parametrize("actual", ["2013-01-01T02:14:59.999999-05:00", "2013-01-04T05:16:00-05:00"])
def test_a_computed_delay_that_nobody_has_is_rejected_unless_it_is_given(actual: str) -> None:
    assert "departure_delay_minutes (actual minus scheduled) is" in rejection(line(actual_departure=actual))[1]
    assert row_of(actual_departure=actual, departure_delay_minutes=4321)["departure_delay_minutes"] == 4321


def test_an_escaped_name_is_the_field() -> None:
    data = GOOD.replace(b'"carrier"', b'"c\\u0061rrier"')
    decoded = decode(data)
    assert rows_of(decoded.events) == rows_of(decode(GOOD).events)
    assert decoded.unknown_fields == {}


# -- bounds ----------------------------------------------------------------------------------------------------

TEN_MB = 10_000_000  # the largest message that Pub/Sub takes


@pytest.mark.parametrize("piece", long_after(1, [b'{"a":1},', b"{},", b"[],"]))
def test_10_mb_of_small_values_in_an_unknown_field_take_seconds_and_little_memory(piece: bytes) -> None:
    # Kept as Python objects they would take a gigabyte.
    data = raw("x", b"[" + piece * ((TEN_MB - 1000) // len(piece)) + b"0]")
    tracemalloc.start()
    began = time.monotonic()
    try:
        assert decode(data).events.num_rows == 1
        assert tracemalloc.get_traced_memory()[1] < 30 * TEN_MB
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 100  # tracing makes it many times slower


def test_a_reason_that_quotes_the_line_is_cut() -> None:
    _, reason = rejection(line(status="x" * 100_000))
    assert len(reason) <= 500
    assert reason.endswith("at `$.status`")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_10_mb_of_nesting_are_rejected_at_once(opening: bytes) -> None:
    data = opening * (TEN_MB // len(opening))
    began = time.monotonic()
    assert rejection(data) == ("decode", "nested too deep")
    assert time.monotonic() - began < 5  # it takes milliseconds; a quadratic scan would take hours


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"{}", {}),
        (b' {"b": "x", "a": null}\t', {"b": "x", "a": None}),
        (b'{"a": true, "A": false}', {"a": True, "A": False}),
        (b'{"\\u0061": "\\u00e9"}', {"a": "é"}),
        ('{"ü": "飛"}'.encode(), {"ü": "飛"}),
    ],
)
@pytest.mark.parametrize("keep_numbers", [True, False])
def test_names_and_texts_are_as_they_were_written(line: bytes, values: dict[str, Any], keep_numbers: bool) -> None:
    assert parse_object(line, keep_numbers=keep_numbers) == values


@pytest.mark.parametrize(
    ("number", "kind"),
    [(b"1", int), (b"-7", int), (b"1" + b"0" * 100_000, int), (b"1.0", float), (b"-1e999", float)],
)
def test_a_number_that_is_not_kept_is_a_zero_of_its_kind(number: bytes, kind: type) -> None:
    value = parse_object(b'{"n": ' + number + b"}", keep_numbers=False)["n"]
    assert (type(value), value) == (kind, 0)


def test_numbers_are_kept_when_asked_for() -> None:
    found = parse_object(b'{"a": 5, "b": -5.5, "c": 123456789012345678901234}', keep_numbers=True)
    assert found == {"a": 5, "b": -5.5, "c": float("inf")}
    assert [type(value) for value in found.values()] == [int, float, float]


def test_of_objects_within_the_object_nothing_is_kept() -> None:
    found = parse_object(b'{"a": {"carrier": "AA"}, "b": [{"c": 1}]}', keep_numbers=True)
    assert found.keys() == {"a", "b"}
    assert repr(found["a"]) == "{...}"
    assert found["b"] == [found["a"]]  # one stand-in for all objects


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON: "),
        (b"{} {}", "not JSON: Extra data"),
        (b'{"a": NaN}', "not JSON: NaN is not a JSON value"),
        (b'{"a": -Infinity}', "not JSON: -Infinity is not a JSON value"),
        (b'{"a": "\x01"}', "not JSON: Invalid control character"),
        (b'{"a": "\xff"}', "not UTF-8: byte 7 is 0xff"),
        (b'{"a": 1} {"a": 2}', "not JSON: Extra data"),
        (b"5", "a JSON int, not an object"),
        (b'{"a": 1, "a": 2}', "duplicate keys: a"),
        (b'{"\\u0061": 1, "a": 1, "b": 1, "b": 2}', "duplicate keys: a, b"),
        (b"[{}]", "a JSON list, not an object"),
        (b'"{}"', "a JSON str, not an object"),
        (b"null", "a JSON NoneType, not an object"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deep"),
    ],
)
@pytest.mark.parametrize("keep_numbers", [True, False])
def test_what_is_not_one_object_is_an_error_that_says_why(line: bytes, why: str, keep_numbers: bool) -> None:
    with pytest.raises(RejectError) as error:
        parse_object(line, keep_numbers=keep_numbers)
    assert error.value.stage == "decode"
    assert error.value.reason.startswith(why)


def test_a_reason_is_short_however_long_the_line_is() -> None:
    with pytest.raises(RejectError) as error:
        parse_object(b"[" + b"1," * 1_000 + b"x", keep_numbers=True)
    assert len(str(error.value)) <= 250


def nested(depth: int, before: bytes = b"") -> bytes:
    return before + b"[" * depth + b"]" * depth


@pytest.mark.parametrize("before", [b"", b" " * 20_000], ids=["at the beginning", "behind the first bytes"])
def test_as_many_brackets_as_allowed_are_not_too_deep_and_one_more_is(before: bytes) -> None:
    assert not is_nested_too_deep(nested(_MAX_NESTING, before))
    assert is_nested_too_deep(nested(_MAX_NESTING + 1, before))


def test_brackets_side_by_side_or_in_texts_are_not_depth() -> None:
    assert not is_nested_too_deep(b"[" + b"{}," * 1_000 + b"{}]")
    assert not is_nested_too_deep(b'"' + b"[" * 1_000 + b'\\"' + b"]" * 1_000 + b'"')


def test_brackets_that_do_not_match_are_no_depth_behind_the_first_bytes() -> None:
    assert not is_nested_too_deep(b" " * 20_000 + b"]" * 200 + b"[" * 200)  # not JSON, which the parser says
