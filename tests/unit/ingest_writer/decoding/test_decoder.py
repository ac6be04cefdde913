"""What becomes of a message: its lines, numbered, each with the origin of its message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pytest

from ingest_writer.decoding.decoder import Decoded, decode_line_by_line, decode_messages, event_table
from ingest_writer.decoding.event import Row
from ingest_writer.decoding.vectorized import decode_fast_path
from ingest_writer.message import Message
from lakehouse.schema.event import COLUMNS
from tests._support.events.builders import (
    by_column,
    line,
    message,
    microseconds,
    rows_of,
)
from tests._support.events.decoded import decode, rejection


def test_messages_of_one_pull_keep_their_own_origin() -> None:
    decoded = decode_messages(
        [
            message(line(flight_number=1), "a", "2013-01-01T12:00:00Z", {"n": "a"}),
            message(b"bad", "b", "2013-01-01T12:00:01Z", {"n": "b"}),
            message(line(flight_number=3) + b"\n" + line(flight_number=4), "c", "2013-01-01T12:00:02.000003Z"),
        ]
    )
    rows = [by_column(row) for row in rows_of(decoded.events)]
    assert [(r["flight_number"], r["message_id"], r["message_line"], r["publish_time"]) for r in rows] == [
        (1, "a", 0, microseconds("2013-01-01T12:00:00Z")),
        (3, "c", 0, microseconds("2013-01-01T12:00:02.000003Z")),
        (4, "c", 1, microseconds("2013-01-01T12:00:02.000003Z")),
    ]
    [rejected] = decoded.rejected
    assert (rejected.message_id, rejected.attributes) == ("b", {"n": "b"})
    assert rejected.publish_time_us == microseconds("2013-01-01T12:00:01Z")


# -- lines -----------------------------------------------------------------------------------------------------


def numbers(data: bytes) -> list[tuple[int, int]]:
    """(flight number, line number) of every row; nothing may be rejected."""
    decoded = decode(data)
    assert decoded.rejected == []
    return [(row["flight_number"], row["message_line"]) for row in map(by_column, rows_of(decoded.events))]


ONE, TWO, THREE = (line(flight_number=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ONE, [(1, 0)]),
        (ONE + b"\n", [(1, 0)]),
        (b"\n" + ONE, [(1, 1)]),
        (b"  " + ONE + b"\t ", [(1, 0)]),
        (ONE + b"\n" + TWO + b"\n" + THREE, [(1, 0), (2, 1), (3, 2)]),
        (ONE + b"\n" + TWO + b"\n", [(1, 0), (2, 1)]),
        (ONE + b"\r\n" + TWO + b"\r\n", [(1, 0), (2, 1)]),
        (ONE + b"\n\n" + TWO + b"\n \n\r\n" + THREE + b"\n\n", [(1, 0), (2, 2), (3, 5)]),
        (ONE + b" \n\t" + TWO, [(1, 0), (2, 1)]),
    ],
)
def test_lines_are_numbered_from_0_with_the_blank_ones(data: bytes, expected: list[tuple[int, int]]) -> None:
    assert numbers(data) == expected


def pretty(text: bytes) -> bytes:
    return text.replace(b", ", b",\n  ").replace(b"{", b"{\n  ").replace(b"}", b"\n}")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("begin", [b"", b"\n", b" \n"])
def test_one_object_over_several_lines_is_line_0(begin: bytes, end: bytes) -> None:
    assert numbers(begin + pretty(ONE) + end) == [(1, 0)]


def test_one_bad_object_over_several_lines_is_rejected_whole() -> None:
    stage, reason = rejection(pretty(line(status="delayed")))
    assert stage == "validate"
    assert "$.status" in reason


@pytest.mark.parametrize(
    "data",
    [
        pretty(ONE) + TWO,
        pretty(ONE) + TWO + b"\n",
        pretty(ONE) + b"\n" + pretty(TWO),
        ONE.replace(b", ", b",\n", 1) + TWO,
    ],
)
def test_several_objects_over_several_lines_are_rejected_line_by_line(data: bytes) -> None:
    decoded = decode(data)
    assert rows_of(decoded.events) == []
    assert b"\n".join(rejected.bytes for rejected in decoded.rejected) == data.removesuffix(b"\n")
    assert {rejected.stage for rejected in decoded.rejected} == {"decode"}


def test_a_good_line_after_a_pretty_printed_object_lands() -> None:
    decoded = decode(pretty(ONE) + b"\n" + TWO)
    assert [row[2] for row in rows_of(decoded.events)] == [2]
    assert len(decoded.rejected) == pretty(ONE).count(b"\n") + 1


def test_a_million_bad_lines_become_few_rejected_ones_and_others_land() -> None:
    # Two bytes a line is the worst there is: 10 MB of them would take gigabytes, one by one.
    bad = b"x\n" * 1_000_000
    decoded = decode(ONE + b"\n" + bad + TWO)
    assert [(row[2], by_column(row)["message_line"]) for row in rows_of(decoded.events)] == [(1, 0), (2, 1_000_001)]
    assert len(decoded.rejected) == 10_001
    assert b"".join(rejected.bytes.removesuffix(b"\n") + b"\n" for rejected in decoded.rejected) == bad
    last = decoded.rejected[-1]
    assert last.message_line == 10_001
    assert last.reason.startswith("990000 lines from this one on are too short for an event")


def test_long_bad_lines_are_rejected_one_by_one_however_many_there_are() -> None:
    # More than the short lines that are kept apart: each of these may be good for a later decoder.
    data = b"\n".join([line(status="delayed")] * 10_010)
    decoded = decode(data)
    assert [rejected.message_line for rejected in decoded.rejected] == list(range(10_010))


def test_large_attributes_are_kept_with_the_first_rejected_lines_only() -> None:
    attributes = {f"a{number}": "x" * 1000 for number in range(100)}
    [*rejected] = decode_messages([message(b"x\n" * 5000, "1", attributes=attributes)]).rejected
    assert len(rejected) == 5000
    assert rejected[0].attributes == attributes
    assert sum(len(value) for each in rejected for value in each.attributes.values()) <= 2 * 100_000


def test_small_attributes_are_kept_with_every_rejected_line() -> None:
    rejected = decode_messages([message(b"x\n" * 5000, "1", attributes={"from": "test"})]).rejected
    assert all(each.attributes == {"from": "test"} for each in rejected)


def test_what_goes_line_by_line_is_rows_only_some_megabytes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def spy(rows: Sequence[Row]) -> pa.Table:
        sizes.append(len(rows))
        return event_table(rows)

    monkeypatch.setattr("ingest_writer.decoding.decoder.event_table", spy)
    monkeypatch.setattr("ingest_writer.decoding.decoder._GROUP_BYTES", 10_000)
    messages = [message(line(unlisted="B7"), f"m{number}") for number in range(300)]
    decoded = decode_messages([*messages, message(b"bad", "bad")], columns_from_bytes=0)
    assert [row[COLUMNS.index("message_id")] for row in rows_of(decoded.events)] == [m.message_id for m in messages]
    assert (len(decoded.rejected), decoded.unknown_fields) == (1, {"unlisted": 300})
    assert max(sizes) < 50
    assert sum(sizes) == 300


# -- flight dates of one message -------------------------------------------------------------------------------


def _of_days(days: Iterable[int]) -> list[bytes]:
    """An event of each of these days, counted from 2013-01-01."""
    dates = [dt.date(2013, 1, 1) + dt.timedelta(days=day) for day in days]
    return [line(flight_date=f"{date}", scheduled_departure=f"{date}T09:00:00Z") for date in dates]


@pytest.mark.parametrize("decode_", [decode_line_by_line, lambda messages: decode_messages(messages, 0)])
def test_events_of_the_first_400_flight_dates_of_a_message_pass(decode_: Callable[[list[Message]], Decoded]) -> None:
    invalid = line(flight_date="2020-01-01", carrier="?", scheduled_departure="2020-01-01T09:00:00Z")
    lines = [invalid, *_of_days([*range(399, -1, -1), 400, 7, 401])]
    decoded = decode_([message(b"\n".join(lines), "a"), message(b"\n".join(_of_days([400, 401])), "b")])
    assert [(line.message_id, line.message_line) for line in decoded.rejected] == [("a", 0), ("a", 401), ("a", 403)]
    assert decoded.rejected[1].bytes == lines[401]
    assert decoded.rejected[1].stage == "validate"
    assert decoded.rejected[1].reason.startswith("flight_date 2014-02-05 is one too many: events of 400 other")
    found = sorted((row["message_id"], row["message_line"]) for row in map(by_column, rows_of(decoded.events)))
    assert found == [*(("a", number) for number in [*range(1, 401), 402]), ("b", 0), ("b", 1)]


def test_a_message_of_up_to_400_flight_dates_takes_the_fast_path() -> None:
    most, more = (message(b"\n".join(_of_days([*range(days), 0])), f"{days}") for days in (400, 401))
    assert [left.message_id for left in decode_fast_path([most, more]).rest] == ["401"]
