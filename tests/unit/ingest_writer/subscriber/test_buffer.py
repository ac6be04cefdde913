"""When a batch is full, whose its messages are, and what becomes of batches in memory."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings

from ingest_writer.decoding.decoder import decode_line_by_line
from ingest_writer.subscriber.buffer import Batch, Buffer, flight_dates
from ingest_writer.subscriber.options import Limits
from tests._support.events.builders import encode, event, line, message
from tests._support.events.strategies import HOSTILE_MESSAGES, MESSAGES_OF_LINES
from tests._support.virtual_time import run_virtually

_FIRST = {"flight_date": "2013-01-05"}
_OTHER = line(flight_date="2013-01-06")


async def _forever(batch: Batch) -> None:
    await asyncio.Event().wait()


def _rows(buffer: Buffer) -> int:
    return sum(batch.row_count for batch in buffer.batches)


def _pull(buffer: Buffer, *message_ids: str) -> None:
    buffer.add([message(line(), each) for each in message_ids], 1.0, 61.0)


def _first(**changes: object) -> bytes:
    """A line that begins with its flight date."""
    return encode(_FIRST | {name: value for name, value in event(**changes).items() if name != "flight_date"})


def test_a_batch_is_held_from_its_first_pull_until_its_work_ends() -> None:
    async def scenario() -> None:
        buffer, done = Buffer(400), asyncio.Event()

        async def work(batch: Batch) -> None:
            await done.wait()

        _pull(buffer, "a", "b")
        _pull(buffer, "c")
        assert buffer.collecting is not None
        assert (_rows(buffer), buffer.collecting.opened_s, buffer.batches_landing) == (3, 1.0, 0)
        buffer.land(work)
        assert (_rows(buffer), buffer.batches_landing) == (3, 1)
        _pull(buffer, "d")  # into the next one
        assert (_rows(buffer), buffer.batches_landing, len(buffer.batches)) == (4, 1, 2)
        done.set()
        await buffer.wait_until_landed()
        assert (_rows(buffer), buffer.tasks) == (1, [])

    run_virtually(scenario())


def test_a_dropped_batch_is_forgotten_once_its_work_has_ended() -> None:
    async def scenario() -> None:
        buffer = Buffer(400)
        for message_id in ("landing", "other"):
            _pull(buffer, message_id)
            buffer.land(_forever)
        held = Batch(opened_s=1.0, row_count=1)
        buffer.quarantine(held, _forever)
        _pull(buffer, "collecting")
        landing, other, quarantined, collecting = buffer.batches
        await asyncio.sleep(0)
        for batch in (landing, quarantined, collecting):
            await buffer.drop(batch)
        assert buffer.batches == [other]
        assert (len(buffer.tasks), buffer.has_quarantined, quarantined is held) == (1, False, True)
        await buffer.drop(other)

    run_virtually(scenario())


@pytest.mark.parametrize(("max_rows", "max_bytes", "has_room"), [(3, 10_000, True), (2, 10_000, False), (3, 10, False)])
def test_there_is_room_below_both_limits(max_rows: int, max_bytes: int, has_room: bool) -> None:
    async def scenario() -> None:
        buffer = Buffer(400)
        _pull(buffer, "a", "b")
        assert buffer.has_room(max_rows, max_bytes) is has_room

    run_virtually(scenario())


def test_a_change_wakes_who_waits_and_so_does_the_timeout() -> None:
    async def scenario() -> None:
        buffer, loop = Buffer(400), asyncio.get_running_loop()
        await buffer.wait_for_change(7.0)
        assert loop.time() == pytest.approx(7.0)
        waiting = [asyncio.create_task(buffer.wait_for_change()) for _ in range(2)]
        await asyncio.sleep(1.0)
        buffer.notify()
        await asyncio.gather(*waiting)
        assert loop.time() == pytest.approx(8.0)

    run_virtually(scenario())


def test_work_that_fails_is_logged_and_its_batch_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        buffer = Buffer(400)

        async def fail(batch: Batch) -> None:
            raise ZeroDivisionError

        _pull(buffer, "a")
        buffer.land(fail)
        await buffer.wait_until_landed()
        await asyncio.sleep(0)
        assert buffer.batches == []

    run_virtually(scenario())
    assert "its messages come again" in caplog.text


LIMITS = Limits(max_rows=3, max_bytes=100, max_age_s=5.0, max_dates=400)  # small enough to count on fingers


def filled(*pulls: list[bytes]) -> Batch:
    batch = Batch(opened_s=0.0)
    numbers = itertools.count(1)
    for data in pulls:
        batch.add([message(each, str(next(numbers))) for each in data], received_s=1.0, until_s=61.0)
    return batch


@pytest.mark.parametrize(
    ("data", "is_full"),
    [
        ([b"a", b"b"], False),
        ([b"a", b"b", b"c"], True),
        ([b"a\nb\nc"], True),
        ([b"a\n", b"b\n"], False),  # a newline at the end begins no line
        ([b"a\nb\nc\n"], True),
        ([b"", b"", b"\n"], True),
        ([b"x" * 99], False),
        ([b"x" * 100], True),
    ],
)
def test_a_batch_is_full_by_lines_or_bytes(data: list[bytes], is_full: bool) -> None:
    assert filled(data).is_full(LIMITS) is is_full


def test_a_closed_batch_is_full() -> None:
    batch = Batch(opened_s=0.0, is_closed=True)
    assert batch.is_full(LIMITS)


def test_lines_and_bytes_add_up_over_pulls() -> None:
    batch = filled([b"x" * 50])
    assert not batch.is_full(LIMITS)
    batch.add([message(b"y" * 25, "2"), message(b"z" * 25, "3")], 2.0, 62.0)
    assert batch.is_full(LIMITS)
    assert (batch.row_count, batch.byte_count, batch.ack_ids) == (3, 100, ["ack-1", "ack-2", "ack-3"])


def test_attributes_count_as_bytes_since_they_are_in_memory_too() -> None:
    batch = Batch(opened_s=0.0)
    batch.add([message(b"x" * 10, attributes={"a" * 40: "b" * 49})], 0.0, 60.0)
    assert (batch.byte_count, batch.is_full(LIMITS)) == (99, False)
    batch.add([message(b"y", "2")], 0.0, 60.0)
    assert batch.is_full(LIMITS)


def test_the_right_to_some_messages_is_taken_apart_and_the_rest_stays() -> None:
    batch = filled([b"a", b"b"], [b"c"], [b"d"])
    apart = batch.split_off({"2", "3"})
    assert [lease.ack_ids for lease in apart] == [["ack-2"], ["ack-3"]]
    assert [(lease.message_ids, lease.received_s, lease.until_s) for lease in batch.leases] == [
        (["1"], 1.0, 61.0),
        (["4"], 1.0, 61.0),
    ]


def test_a_batch_is_due_when_it_has_been_open_for_the_longest_age() -> None:
    assert Batch(opened_s=17.5).due_s(LIMITS) == 22.5


# -- flight dates ----------------------------------------------------------------------------------------------


def _dated(*numbers: int) -> bytes:
    """A message with an event of each of these days of March."""
    dates = [f"2013-03-{number:02}" for number in numbers]
    return b"\n".join(line(flight_date=date, scheduled_departure=f"{date}T09:00:00Z") for date in dates)


def _add(buffer: Buffer, **data: bytes) -> None:
    buffer.add([message(each, name) for name, each in data.items()], 1.0, 61.0)


def _held(buffer: Buffer) -> list[list[str]]:
    return [[message_id for lease in batch.leases for message_id in lease.message_ids] for batch in buffer.batches]


def test_a_batch_closes_before_a_message_brings_it_too_many_flight_dates() -> None:
    buffer = Buffer(3)
    _add(buffer, a=_dated(1), b=_dated(2))
    _add(buffer, c=_dated(2, 3), d=_dated(1), e=_dated(4), f=_dated(5, 6))
    _add(buffer, g=_dated(6), h=_dated(1))
    assert _held(buffer) == [["a", "b", "c", "d"], ["e", "f", "g"], ["h"]]
    assert [batch.is_closed for batch in buffer.batches] == [True, True, False]
    assert [len(batch.flight_dates) for batch in buffer.batches] == [3, 3, 1]
    assert {lease.until_s for batch in buffer.batches for lease in batch.leases} == {61.0}


def test_a_message_with_too_many_flight_dates_is_a_batch_by_itself_and_whole() -> None:
    buffer = Buffer(2)
    _add(buffer, a=_dated(1), b=_dated(1, 2, 3), c=_dated(1))
    assert _held(buffer) == [["a"], ["b"], ["c"]]


def test_closed_batches_land_first_and_any_can_be_dropped() -> None:
    async def scenario() -> None:
        buffer = Buffer(1)
        _add(buffer, a=_dated(1), b=_dated(2), c=_dated(3), d=_dated(4))
        await buffer.drop(buffer.batches[1])
        landed: list[str] = []

        async def work(batch: Batch) -> None:
            landed.extend(message_id for lease in batch.leases for message_id in lease.message_ids)

        while buffer.collecting is not None:
            buffer.land(work)
            await buffer.wait_until_landed()
        assert landed == ["a", "c", "d"]

    run_virtually(scenario())


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
