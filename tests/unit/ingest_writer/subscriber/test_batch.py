"""When a batch is full, and whose it is."""

from __future__ import annotations

import itertools

import pytest

from ingest_writer.subscriber.batch import Batch, Limits
from tests._support.events import message

LIMITS = Limits(max_rows=3, max_bytes=100, max_age_s=5.0)  # small enough to count on fingers


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
    apart = batch.take_apart({"2", "3"})
    assert [lease.ack_ids for lease in apart] == [["ack-2"], ["ack-3"]]
    assert [(lease.message_ids, lease.received_s, lease.until_s) for lease in batch.leases] == [
        (["1"], 1.0, 61.0),
        (["4"], 1.0, 61.0),
    ]


def test_a_batch_is_due_when_it_has_been_open_for_the_longest_age() -> None:
    assert Batch(opened_s=17.5).due_s(LIMITS) == 22.5
