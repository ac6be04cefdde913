"""The state behind the server, with a fake clock: who gets which message, when, and until when."""

from __future__ import annotations

import threading

import pytest

from local_cloud.emulators.pubsub import Faults
from local_cloud.emulators.pubsub.broker import DELETED_TOPIC, MAX_RESPONSE_BYTES, Broker
from local_cloud.emulators.pubsub.errors import AlreadyExists, NotFound, ResourceExhausted, Unavailable
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.subscription import Delivery, Outstanding
from tests._support.servers.pubsub import FakeClock
from tests._support.waiting import PATIENCE_S

TOPIC = "topic"
SUBSCRIPTION = "subscription"
DEADLINE_S = 10


class State:
    def __init__(self, max_unacked_bytes: int = 1000) -> None:
        self.clock = FakeClock()
        self.broker = Broker(self.clock.clock(), Dice(Faults()), max_unacked_bytes)
        self.broker.create_topic(TOPIC)
        self.broker.create_subscription(SUBSCRIPTION, TOPIC, DEADLINE_S)

    def take(self, max_messages: int = 100, outstanding: Outstanding | None = None) -> list[Delivery]:
        return self.broker.receive(SUBSCRIPTION, max_messages, wait_s=0, outstanding=outstanding)

    def take_bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.take()]


@pytest.fixture
def state() -> State:
    return State()


def test_messages_come_in_the_order_of_publishing_and_only_once(state: State) -> None:
    state.broker.publish(TOPIC, [b"a", b"b"])
    state.broker.publish(TOPIC, [b"c"])
    assert state.take_bodies() == [b"a", b"b", b"c"]
    assert state.take() == []


def test_a_message_comes_again_exactly_when_its_deadline_has_passed(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    first = state.take()
    state.clock.now_s += DEADLINE_S - 0.001
    assert state.take() == []
    state.clock.now_s += 0.001
    second = state.take()
    assert [delivery.body for delivery in second] == [b"a"]
    assert second[0].ack_id != first[0].ack_id


def test_an_ack_in_time_is_final(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    state.broker.acknowledge(SUBSCRIPTION, [state.take()[0].ack_id])
    state.clock.now_s += 1000
    assert state.take() == []
    assert state.broker.unacked_messages(SUBSCRIPTION) == 0


def test_an_ack_after_the_deadline_changes_nothing(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    late = state.take()[0].ack_id
    state.clock.now_s += DEADLINE_S
    state.broker.acknowledge(SUBSCRIPTION, [late])
    assert state.take_bodies() == [b"a"]


def test_the_ack_id_of_an_earlier_delivery_does_not_ack_the_later_one(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    earlier = state.take()[0].ack_id
    state.clock.now_s += DEADLINE_S
    state.take()
    state.broker.acknowledge(SUBSCRIPTION, [earlier])
    assert state.broker.unacked_messages(SUBSCRIPTION) == 1


def test_an_unknown_ack_id_is_accepted_silently(state: State) -> None:
    state.broker.acknowledge(SUBSCRIPTION, ["never heard of"])
    state.broker.modify_deadlines(SUBSCRIPTION, [("never heard of", 10)])


def test_a_prolonged_lease_outlives_its_first_deadline(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    ack_id = state.take()[0].ack_id
    state.clock.now_s += 9
    state.broker.modify_deadlines(SUBSCRIPTION, [(ack_id, 60)])
    state.clock.now_s += 59
    assert state.take() == []
    state.clock.now_s += 1
    assert state.take_bodies() == [b"a"]


def test_a_shortened_lease_ends_at_its_new_deadline(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    state.broker.modify_deadlines(SUBSCRIPTION, [(state.take()[0].ack_id, 2)])
    state.clock.now_s += 2
    assert state.take_bodies() == [b"a"]


def test_a_nacked_message_is_ready_at_once_behind_the_others(state: State) -> None:
    state.broker.publish(TOPIC, [b"a", b"b"])
    state.broker.modify_deadlines(SUBSCRIPTION, [(state.take(1)[0].ack_id, 0)])
    assert state.take_bodies() == [b"b", b"a"]


def test_every_subscription_of_the_topic_gets_every_message(state: State) -> None:
    state.broker.create_subscription("other", TOPIC, DEADLINE_S)
    state.broker.publish(TOPIC, [b"a"])
    state.broker.acknowledge(SUBSCRIPTION, [state.take()[0].ack_id])
    assert [delivery.body for delivery in state.broker.receive("other", 10, wait_s=0)] == [b"a"]


def test_a_subscription_gets_nothing_from_before_its_creation(state: State) -> None:
    state.broker.publish(TOPIC, [b"before"])
    state.broker.create_subscription("late", TOPIC, DEADLINE_S)
    state.broker.publish(TOPIC, [b"after"])
    assert [delivery.body for delivery in state.broker.receive("late", 10, wait_s=0)] == [b"after"]


def test_outstanding_messages_never_exceed_the_limit(state: State) -> None:
    state.broker.publish(TOPIC, [b"a", b"b", b"c"])
    outstanding = Outstanding(max_messages=2, max_bytes=1000)
    held = state.take(outstanding=outstanding)
    assert len(held) == 2
    assert state.take(outstanding=outstanding) == []
    state.broker.acknowledge(SUBSCRIPTION, [held[0].ack_id])
    assert [delivery.body for delivery in state.take(outstanding=outstanding)] == [b"c"]


def test_outstanding_bytes_stop_further_messages(state: State) -> None:
    state.broker.publish(TOPIC, [b"12345", b"12345", b"12345"])
    # As in the real service, a message may start below the limit and go over it.
    outstanding = Outstanding(max_messages=100, max_bytes=6)
    assert len(state.take(outstanding=outstanding)) == 2


@pytest.mark.parametrize("how", ["nack", "expiry"])
def test_a_message_given_back_makes_room(state: State, how: str) -> None:
    state.broker.publish(TOPIC, [b"a"])
    outstanding = Outstanding(max_messages=1, max_bytes=1000)
    ack_id = state.take(outstanding=outstanding)[0].ack_id
    if how == "nack":
        state.broker.modify_deadlines(SUBSCRIPTION, [(ack_id, 0)])
    else:
        state.clock.now_s += DEADLINE_S
    assert len(state.take(outstanding=outstanding)) == 1
    assert outstanding.messages == 1


@pytest.mark.parametrize("size", [1, 100, 10_000, 1_000_000, 2_500_000])
def test_one_answer_stays_within_its_limit(size: int) -> None:
    state = State(max_unacked_bytes=100_000_000)
    state.broker.publish(TOPIC, [bytes(size)] * (8_000_000 // size if size > 1000 else 1000))
    while deliveries := state.take(1000):
        carried = sum(len(delivery.body) + len(delivery.ack_id) for delivery in deliveries)
        assert carried <= MAX_RESPONSE_BYTES


def test_a_message_larger_than_an_answer_comes_alone() -> None:
    state = State(max_unacked_bytes=100_000_000)
    state.broker.publish(TOPIC, [bytes(9_000_000)] * 2)
    assert [len(state.take()), len(state.take())] == [1, 1]


def test_publishing_is_refused_when_too_much_is_unacked_and_goes_on_after_acks() -> None:
    state = State(max_unacked_bytes=10)
    state.broker.publish(TOPIC, [b"123456789"])
    with pytest.raises(ResourceExhausted):
        state.broker.publish(TOPIC, [b"12"])
    state.broker.acknowledge(SUBSCRIPTION, [state.take()[0].ack_id])
    state.broker.publish(TOPIC, [b"12"])
    assert state.take_bodies() == [b"12"]


def test_a_message_is_kept_until_every_subscription_has_acked_it(state: State) -> None:
    state.broker.create_subscription("other", TOPIC, DEADLINE_S)
    state.broker.publish(TOPIC, [b"12345"])
    state.broker.acknowledge(SUBSCRIPTION, [state.take()[0].ack_id])
    assert state.broker.unacked_bytes(TOPIC) == 5
    state.broker.delete_subscription("other")
    assert state.broker.unacked_bytes(TOPIC) == 0


def test_nothing_is_kept_for_a_topic_without_subscriptions(state: State) -> None:
    state.broker.delete_subscription(SUBSCRIPTION)
    state.broker.publish(TOPIC, [b"12345"])
    assert state.broker.unacked_bytes(TOPIC) == 0


def test_a_deleted_topic_leaves_its_subscription_with_what_it_holds(state: State) -> None:
    state.broker.publish(TOPIC, [b"a"])
    state.broker.delete_topic(TOPIC)
    assert state.broker.subscription(SUBSCRIPTION).topic == DELETED_TOPIC
    assert state.take_bodies() == [b"a"]
    state.broker.create_topic(TOPIC)
    assert state.broker.subscriptions_of(TOPIC) == []


def test_names_are_taken_once_and_must_exist(state: State) -> None:
    with pytest.raises(AlreadyExists):
        state.broker.create_topic(TOPIC)
    with pytest.raises(AlreadyExists):
        state.broker.create_subscription(SUBSCRIPTION, TOPIC, DEADLINE_S)
    with pytest.raises(NotFound):
        state.broker.create_subscription("new", "no such topic", DEADLINE_S)
    with pytest.raises(NotFound):
        state.broker.subscription("new")
    with pytest.raises(NotFound):
        state.broker.publish("no such topic", [b"a"])


def test_message_ids_grow_and_go_on_after_a_restart(state: State) -> None:
    first = state.broker.reserve_message_ids(3)
    state.clock.now_s += 1
    restarted = Broker(state.clock.clock(), Dice(Faults()))
    ids = first + restarted.reserve_message_ids(2)
    assert ids == sorted(set(ids))


class Waiter(threading.Thread):
    """Somebody who waits for a message, in real time, until the test has made it come."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self.wanted = True
        self.result: list[Delivery] | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._state.broker.receive(SUBSCRIPTION, 10, wait_s=1000, wanted=lambda: self.wanted)
        except (NotFound, Unavailable) as error:
            self.result = error

    def outcome(self) -> list[Delivery] | Exception | None:
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self.result


def test_a_waiter_is_woken_by_a_message(state: State) -> None:
    waiter = Waiter(state)
    state.broker.publish(TOPIC, [b"a"])
    outcome = waiter.outcome()
    assert isinstance(outcome, list)
    assert [delivery.body for delivery in outcome] == [b"a"]


def test_a_waiter_who_has_gone_takes_no_message(state: State) -> None:
    waiter = Waiter(state)
    waiter.wanted = False
    state.broker.publish(TOPIC, [b"a"])
    # Whichever came first, the message is with somebody who exists.
    assert waiter.outcome() == []
    assert state.take_bodies() == [b"a"]


def test_a_waiter_learns_that_the_subscription_is_deleted(state: State) -> None:
    waiter = Waiter(state)
    state.broker.delete_subscription(SUBSCRIPTION)
    assert isinstance(waiter.outcome(), NotFound)


def test_a_waiter_learns_that_the_server_stops(state: State) -> None:
    waiter = Waiter(state)
    state.broker.close()
    assert isinstance(waiter.outcome(), Unavailable)


def test_concurrent_takers_and_ackers_lose_and_repeat_nothing() -> None:
    state = State(max_unacked_bytes=10_000_000)
    count = 4000
    seen: list[bytes] = []

    def take_and_ack() -> None:
        while deliveries := state.broker.receive(SUBSCRIPTION, 7, wait_s=0):
            seen.extend(delivery.body for delivery in deliveries)
            state.broker.acknowledge(SUBSCRIPTION, [delivery.ack_id for delivery in deliveries])

    state.broker.publish(TOPIC, [str(number).encode() for number in range(count)])
    threads = [threading.Thread(target=take_and_ack) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(map(int, seen)) == list(range(count))
    assert state.broker.unacked_bytes(TOPIC) == 0
