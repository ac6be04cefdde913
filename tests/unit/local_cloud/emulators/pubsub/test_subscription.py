"""The bookkeeping of one subscription: what is held back, ready, leased or gone, and what that keeps alive."""

from __future__ import annotations

from local_cloud.emulators.pubsub import Faults
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.subscription import Delivery, Message, Outstanding, Retention, Subscription

DEADLINE_S = 10.0


class Reader:
    """A subscription with `faults`, and how much of its topic is kept."""

    def __init__(self, **faults: float) -> None:
        self.retention = Retention()
        self.subscription = Subscription("topic", 10, "a", Dice(Faults(**faults)))  # type: ignore[arg-type]
        self._number = 0

    def add(self, *bodies: bytes, now: float = 0.0) -> None:
        for body in bodies:
            self._number += 1
            self.retention.unacked_bytes += len(body)
            self.subscription.add(Message(body, self.retention, 1, self._number), now)

    def take(
        self, now: float, max_messages: int = 100, max_bytes: int = 1_000_000, outstanding: Outstanding | None = None
    ) -> list[Delivery]:
        return self.subscription.take(now, max_messages, max_bytes, DEADLINE_S, outstanding)

    def bodies(self, now: float) -> list[bytes]:
        return [each.body for each in self.take(now)]


def test_an_ack_frees_its_message_and_says_its_number() -> None:
    reader = Reader()
    reader.add(b"12345", b"678")
    first, second = reader.take(0.0)
    assert first.ack_id != second.ack_id
    assert reader.subscription.ack([second.ack_id], 1.0).gone == [2]
    assert (len(reader.subscription), reader.retention.unacked_bytes) == (1, 5)
    assert reader.subscription.ack([second.ack_id], 1.0).gone == []  # used up


def test_a_message_that_two_subscriptions_hold_is_kept_until_both_have_acked_it() -> None:
    retention = Retention(unacked_bytes=3)
    message = Message(b"abc", retention, 2)
    message.acked()
    assert retention.unacked_bytes == 3
    message.acked()
    assert retention.unacked_bytes == 0


def test_time_alone_changes_something_when_a_lease_or_a_delay_ends() -> None:
    reader = Reader(delay=1.0, delay_s=4.0)
    assert reader.subscription.next_change_at() is None
    reader.add(b"held")
    assert reader.subscription.next_change_at() == 4.0
    assert reader.bodies(3.9) == []
    assert reader.bodies(4.0) == [b"held"]
    assert reader.subscription.next_change_at() == 4.0 + DEADLINE_S


def test_a_lease_that_was_prolonged_does_not_end_at_its_first_deadline() -> None:
    reader = Reader()
    reader.add(b"a")
    (delivery,) = reader.take(0.0)
    reader.subscription.modify_deadline(delivery.ack_id, 60.0, 5.0)
    assert reader.bodies(64.9) == []
    assert reader.bodies(65.0) == [b"a"]


def test_a_limit_of_bytes_ends_an_answer_but_a_large_message_comes_alone() -> None:
    reader = Reader()
    reader.add(bytes(500), bytes(500), bytes(5000))
    assert [len(each.body) for each in reader.take(0.0, max_bytes=1000)] == [500]
    assert [len(each.body) for each in reader.take(0.0, max_bytes=1000)] == [500]
    assert [len(each.body) for each in reader.take(0.0, max_bytes=1000)] == [5000]


def test_flow_control_counts_what_is_leased_and_not_what_was_settled() -> None:
    reader = Reader()
    reader.add(*[b"1234"] * 4)
    outstanding = Outstanding(max_messages=2, max_bytes=100)
    first, second = reader.take(0.0, outstanding=outstanding)
    assert (outstanding.messages, outstanding.bytes, outstanding.has_room()) == (2, 8, False)
    assert reader.take(0.0, outstanding=outstanding) == []
    reader.subscription.ack([first.ack_id], 1.0)
    reader.subscription.modify_deadline(second.ack_id, 0.0, 1.0)  # given back
    assert (outstanding.messages, outstanding.bytes, outstanding.has_room()) == (0, 0, True)
    assert len(reader.take(1.0, outstanding=outstanding)) == 2


def test_a_deleted_subscription_keeps_nothing_alive_wherever_it_was() -> None:
    reader = Reader()
    reader.add(b"leased", b"ready")
    reader.take(0.0, max_messages=1)
    held = Reader(delay=1.0)
    held.add(b"held")
    for each in (reader, held):
        each.subscription.drop_all()
        assert (len(each.subscription), each.retention.unacked_bytes) == (0, 0)
        assert each.subscription.next_change_at() is None


def test_a_redelivery_of_an_acked_message_happens_once() -> None:
    reader = Reader(redeliver=1.0)
    reader.add(b"a")
    (first,) = reader.take(0.0)
    assert reader.subscription.ack([first.ack_id], 0.0).gone == []
    (again,) = reader.take(0.0)
    assert reader.subscription.ack([again.ack_id], 0.0).gone == [1]
    assert reader.retention.unacked_bytes == 0


def test_settled_leases_leave_nothing_behind() -> None:
    reader = Reader()
    for _ in range(50):
        reader.add(*[b"x"] * 1000)
        reader.subscription.ack([each.ack_id for each in reader.take(0.0, max_messages=1000)], 0.0)
    watched = reader.subscription._deadlines
    assert len(watched) <= 12_000  # of 50,000: bounded by a constant, not by the rate times the deadline
