"""Each fault does what it says, and nothing is lost by any of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from local_cloud.emulators.pubsub import Faults
from local_cloud.emulators.pubsub.faults import Dice
from tests._support.servers.pubsub import ACK_DEADLINE_S, SUBSCRIPTION, TOPIC, FaultyPubsub, PubsubBench, subscribed
from tests._support.waiting import eventually

NUMBERS = [str(number).encode() for number in range(200)]


def test_redeliver_brings_an_acked_message_once_more(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(redeliver=1.0)
    (message_id,) = pubsub.publish(b"a")
    pubsub.ack(*pubsub.pull())
    (again,) = pubsub.pull()
    assert again.message.message_id == message_id
    pubsub.ack(again)
    assert pubsub.pull() == []
    assert pubsub.unacked == 0


def test_redeliver_takes_about_its_fraction(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(redeliver=0.3)
    pubsub.publish(*NUMBERS)
    pubsub.ack(*pubsub.pull())
    assert 30 <= len(pubsub.pull()) <= 90


def test_duplicate_publishes_again_under_another_id(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(duplicate=1.0)
    (message_id,) = pubsub.publish(b"a")
    received = pubsub.pull()
    assert [each.message.data for each in received] == [b"a", b"a"]
    ids = [each.message.message_id for each in received]
    assert ids[0] == message_id
    assert ids[1] != message_id


def test_reorder_puts_messages_behind_later_ones(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(reorder=0.5)
    pubsub.publish(*NUMBERS)
    at_once = pubsub.pull_data()
    pubsub.advance(1.0)
    later = pubsub.pull_data()
    assert 60 <= len(later) <= 140
    assert at_once + later != NUMBERS
    assert sorted(at_once + later) == sorted(NUMBERS)


def test_delay_holds_messages_back_for_its_time(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(delay=1.0, delay_s=30.0)
    pubsub.publish(b"a")
    pubsub.advance(29)
    assert pubsub.pull() == []
    pubsub.advance(1)
    assert pubsub.pull_data() == [b"a"]


def test_a_dropped_ack_lets_the_message_come_again(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(drop_acks=1.0)
    pubsub.publish(b"a")
    pubsub.ack(*pubsub.pull())
    assert pubsub.unacked == 1
    assert pubsub.pull() == []
    pubsub.advance(ACK_DEADLINE_S)
    assert pubsub.pull_data() == [b"a"]


def test_unavailable_before_does_nothing(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(unavailable_before=1.0)
    with pytest.raises(ServiceUnavailable):
        pubsub.publish(b"a")
    assert pubsub.unacked == 0


def test_unavailable_after_has_done_it(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(unavailable_after=1.0)
    with pytest.raises(ServiceUnavailable):
        pubsub.publish(b"a")
    assert pubsub.unacked == 1
    with pytest.raises(ServiceUnavailable):
        pubsub.pull()
    # The lost answer held the lease.
    assert pubsub.server.broker.receive(SUBSCRIPTION, 1, wait_s=0) == []


def received_by_subscribe(pubsub: PubsubBench, time_passes: bool = True) -> Counter[bytes]:
    """Publishes the numbers and receives until all have come and are acked, with the official clients.

    With `time_passes` a lease ends after a few looks, which a slow client may not meet.
    """
    seen: Counter[bytes] = Counter()

    def callback(message: Any) -> None:
        seen[message.data] += 1
        message.ack()

    def all_settled() -> bool:
        # Deadlines pass as fast as they must: a message whose answer or ack got lost comes again.
        if time_passes:
            pubsub.advance(1.0)
        return pubsub.unacked == 0 and len(seen) == len(NUMBERS)

    futures = [pubsub.publisher.publish(TOPIC, data) for data in NUMBERS]
    with subscribed(pubsub.subscriber, callback):
        eventually(lambda: all(each.done() for each in futures), "all published")
        assert [each.exception() for each in futures if each.exception() is not None] == []
        eventually(all_settled, "all acked")
    return seen


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param({"redeliver": 0.3, "duplicate": 0.3}, id="more than once"),
        pytest.param({"reorder": 0.5, "delay": 0.2, "delay_s": 10.0}, id="out of order"),
        pytest.param({"drop_acks": 0.3}, id="lost acks"),
        pytest.param({"unavailable_before": 0.2}, id="refused calls"),
        pytest.param({"unavailable_after": 0.2}, id="lost answers"),
    ],
)
def test_the_official_clients_lose_nothing(faulty_pubsub: FaultyPubsub, faults: dict[str, float]) -> None:
    seen = received_by_subscribe(faulty_pubsub(**faults, seed=7))
    assert set(seen) == set(NUMBERS)


def test_without_faults_every_message_comes_exactly_once(pubsub: PubsubBench) -> None:
    assert set(received_by_subscribe(pubsub, time_passes=False).values()) == {1}


FRACTIONS = [setting.name for setting in fields(Faults) if setting.name != "seed" and setting.name[-2:] != "_s"]


@pytest.mark.parametrize("fault", FRACTIONS)
def test_the_same_seed_throws_the_same_dice(fault: str) -> None:
    def throws(seed: int) -> list[bool]:
        dice = Dice(Faults(**{fault: 0.5}, seed=seed))
        return [dice.hits(fault) for _ in range(64)]

    assert throws(1) == throws(1)
    assert throws(1) != throws(2)


def test_one_fault_does_not_change_the_dice_of_another() -> None:
    alone, together = Dice(Faults(delay=0.5)), Dice(Faults(delay=0.5, drop_acks=0.5))
    for _ in range(64):
        together.hits("drop_acks")
        assert alone.hits("delay") == together.hits("delay")


@pytest.mark.parametrize("wrong", [{"redeliver": 1.1}, {"drop_acks": -0.1}, {"delay_s": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Faults(**wrong)  # type: ignore[arg-type]
