"""Exactly-once delivery: every ack id is answered, to Google's own client too."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, ServiceUnavailable
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus

from local_cloud.emulators.pubsub import Clock, Faults, PubsubServer
from local_cloud.emulators.pubsub.broker import Broker
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.journal import Journal
from tests._support.servers.pubsub import SUBSCRIPTION, TOPIC, FaultyPubsub, PubsubBench, Stream, subscribed
from tests._support.waiting import PATIENCE_S

ONCE = "projects/test/subscriptions/once"
INVALID = "PERMANENT_FAILURE_INVALID_ACK_ID"


def create_once(pubsub: PubsubBench) -> None:
    created = pubsub.subscriber.create_subscription(
        request={"name": ONCE, "topic": TOPIC, "ack_deadline_seconds": 10, "enable_exactly_once_delivery": True}
    )
    assert created.enable_exactly_once_delivery
    assert pubsub.subscriber.get_subscription(subscription=ONCE).enable_exactly_once_delivery


def failures_of(caught: pytest.ExceptionInfo[GoogleAPICallError]) -> dict[str, str]:
    """As Google's client finds them."""
    assert caught.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
    return dict(caught.value.metadata)


def pull_ids(pubsub: PubsubBench, *data: bytes) -> list[str]:
    pubsub.publish(*data)
    return [received.ack_id for received in pubsub.pull(subscription=ONCE)]


def unacked(pubsub: PubsubBench) -> int:
    return pubsub.server.broker.unacked_messages(ONCE)


def test_an_ack_with_a_bad_id_names_it_and_takes_the_others(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    first, second = pull_ids(pubsub, b"a", b"b")
    with pytest.raises(InvalidArgument) as caught:
        pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=[first, "no such id", second], retry=None)
    assert failures_of(caught) == {"no such id": INVALID}
    assert unacked(pubsub) == 0


def test_a_deadline_for_a_bad_id_names_it_and_takes_the_others(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    [good] = pull_ids(pubsub, b"a")
    with pytest.raises(InvalidArgument) as caught:
        pubsub.subscriber.modify_ack_deadline(
            subscription=ONCE, ack_ids=["no such id", good], ack_deadline_seconds=100, retry=None
        )
    assert failures_of(caught) == {"no such id": INVALID}
    pubsub.advance(50)
    pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=[good], retry=None)
    assert unacked(pubsub) == 0


def test_an_ack_id_is_invalid_once_its_deadline_is_over(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    [late] = pull_ids(pubsub, b"a")
    pubsub.advance(11)
    with pytest.raises(InvalidArgument) as caught:
        pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=[late], retry=None)
    assert failures_of(caught) == {late: INVALID}
    assert len(pubsub.pull(subscription=ONCE)) == 1


def test_acking_again_is_no_failure(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    ack_ids = pull_ids(pubsub, b"a")
    for _ in range(2):  # as after a lost answer
        pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=ack_ids, retry=None)


def test_other_subscriptions_still_answer_bad_ids_with_ok(pubsub: PubsubBench) -> None:
    pubsub.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=["bad"], retry=None)
    pubsub.subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=["bad"], ack_deadline_seconds=10, retry=None
    )


def test_a_dropped_ack_is_a_transient_failure_and_never_a_redelivery(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(drop_acks=1.0, redeliver=1.0)
    create_once(pubsub)
    [ack_id] = pull_ids(pubsub, b"a")
    with pytest.raises(ServiceUnavailable) as caught:
        pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=[ack_id], retry=None)
    assert failures_of(caught)[ack_id].startswith("TRANSIENT_FAILURE_")
    assert pubsub.pull(subscription=ONCE) == []


def test_an_acked_message_never_comes_again(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(redeliver=1.0)
    create_once(pubsub)
    pubsub.subscriber.acknowledge(subscription=ONCE, ack_ids=pull_ids(pubsub, b"a"), retry=None)
    assert unacked(pubsub) == 0


def test_a_stream_confirms_every_ack_and_deadline(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    pubsub.publish(b"a", b"b")
    stream = Stream(pubsub, subscription=ONCE)
    response = stream.response()
    assert response.subscription_properties.exactly_once_delivery_enabled
    first, second = (received.ack_id for received in response.received_messages)
    stream.send(ack_ids=[first, "bad"])
    confirmed = stream.response()
    assert list(confirmed.acknowledge_confirmation.ack_ids) == [first]
    assert list(confirmed.acknowledge_confirmation.invalid_ack_ids) == ["bad"]
    assert confirmed.subscription_properties.exactly_once_delivery_enabled
    stream.send(modify_deadline_ack_ids=[second, "bad"], modify_deadline_seconds=[20, 20])
    extended = stream.response().modify_ack_deadline_confirmation
    assert (list(extended.ack_ids), list(extended.invalid_ack_ids)) == ([second], ["bad"])
    stream.close()


def test_a_stream_confirms_what_was_sent_before_it_was_closed(pubsub: PubsubBench) -> None:
    create_once(pubsub)
    pubsub.publish(b"a")
    stream = Stream(pubsub, subscription=ONCE)
    [received] = stream.response().received_messages
    stream.send(ack_ids=[received.ack_id])
    stream.half_close()
    assert [list(each.acknowledge_confirmation.ack_ids) for each in stream.rest()] == [[received.ack_id]]


def test_a_stream_without_exactly_once_confirms_nothing(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    stream = Stream(pubsub)
    response = stream.response()
    assert not response.subscription_properties.exactly_once_delivery_enabled
    stream.send(ack_ids=[response.received_messages[0].ack_id])
    stream.close()  # and nothing came


@contextmanager
def real_time_client(
    monkeypatch: pytest.MonkeyPatch,
    faults: Faults = Faults(),  # noqa: B008 - frozen
) -> Iterator[tuple[PubsubServer, Any]]:
    """Google's client on a subscription with exactly-once delivery, to which 100 messages were published."""
    with PubsubServer(faults=faults) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        server.broker.create_topic(TOPIC)
        server.broker.create_subscription(ONCE, TOPIC, 10, is_exactly_once=True)
        publisher: Any = pubsub_v1.PublisherClient()
        for each in [publisher.publish(TOPIC, str(number).encode()) for number in range(100)]:
            each.result(PATIENCE_S)
        publisher.stop()
        publisher.transport.close()
        subscriber: Any = pubsub_v1.SubscriberClient()
        yield server, subscriber
        subscriber.close()


@pytest.mark.parametrize("drop_acks", [0.0, 0.02], ids=["at once", "after transient failures"])
def test_googles_client_is_told_that_each_ack_succeeded(monkeypatch: pytest.MonkeyPatch, drop_acks: float) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    with (
        real_time_client(monkeypatch, Faults(drop_acks=drop_acks)) as (server, client),
        subscribed(client, lambda message: answers.put(message.ack_with_response()), ONCE),
    ):
        statuses = [answers.get(timeout=PATIENCE_S).result(PATIENCE_S) for _ in range(100)]
        assert statuses == [AcknowledgeStatus.SUCCESS] * 100
        assert server.broker.unacked_messages(ONCE) == 0


def test_googles_client_is_told_that_an_ack_id_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome: queue.Queue[Any] = queue.Queue()
    is_first = threading.Lock()

    def callback(message: Any) -> None:
        if is_first.acquire(blocking=False):  # its lease is taken away, as if it had lasted too long
            server.broker.modify_deadlines(ONCE, [(message.ack_id, 0)])
            outcome.put(message.ack_with_response())

    with real_time_client(monkeypatch) as (server, client), subscribed(client, callback, ONCE, max_messages=1):
        with pytest.raises(AcknowledgeError) as caught:
            outcome.get(timeout=PATIENCE_S).result(PATIENCE_S)
        assert caught.value.error_code is AcknowledgeStatus.INVALID_ACK_ID


def test_a_journal_keeps_that_delivery_is_exactly_once(tmp_path: Path) -> None:
    for is_first in (True, False):
        broker = Broker(Clock(), Dice(Faults()), journal=(journal := Journal(tmp_path / "journal")))
        if is_first:
            broker.create_topic(TOPIC)
            broker.create_subscription(ONCE, TOPIC, 10, is_exactly_once=True)
        assert broker.subscription(ONCE).is_exactly_once
        journal.close()


def test_a_journal_of_before_exactly_once_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text('["topic", "t"]\n["subscription", "s", "t", 10]\n')
    broker = Broker(Clock(), Dice(Faults()), journal=(journal := Journal(path)))
    assert not broker.subscription("s").is_exactly_once
    journal.close()
