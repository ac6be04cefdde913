"""StreamingPull: through the official `subscribe()`, and request by request."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument, NotFound, ServiceUnavailable
from google.cloud import pubsub_v1

from tests._support.servers.pubsub import ACK_DEADLINE_S, SUBSCRIPTION, TOPIC, PubsubBench, Stream, subscribed
from tests._support.waiting import PATIENCE_S, eventually

OTHER = "projects/test/subscriptions/other"


def test_subscribe_gets_and_acks_every_message_once(pubsub: PubsubBench) -> None:
    expected = [f"message {number}".encode() for number in range(2500)]
    seen: list[bytes] = []

    def callback(message: Any) -> None:
        seen.append(message.data)
        message.ack()

    futures = [pubsub.publisher.publish(TOPIC, data) for data in expected]
    with subscribed(pubsub.subscriber, callback):
        eventually(lambda: pubsub.unacked == 0 and all(each.done() for each in futures), "all acked")
    assert sorted(seen) == sorted(expected)


def test_two_subscribers_share_a_subscription(pubsub: PubsubBench) -> None:
    seen: queue.Queue[bytes] = queue.Queue()
    both_have_one = threading.Barrier(2)
    other: Any = pubsub_v1.SubscriberClient()

    def subscriber() -> Callable[[Any], None]:
        first = threading.Event()

        def callback(message: Any) -> None:
            if not first.is_set():
                first.set()
                both_have_one.wait(PATIENCE_S)
            seen.put(message.data)
            message.ack()

        return callback

    one, two = subscriber(), subscriber()
    with other, subscribed(pubsub.subscriber, one, max_messages=5), subscribed(other, two, max_messages=5):
        pubsub.publish(*(str(number).encode() for number in range(100)))
        eventually(lambda: pubsub.unacked == 0, "all acked")
    assert sorted(int(seen.get_nowait()) for _ in range(seen.qsize())) == list(range(100))


def test_two_subscriptions_each_get_everything(pubsub: PubsubBench) -> None:
    pubsub.subscriber.create_subscription(name=OTHER, topic=TOPIC)
    seen: dict[str, set[bytes]] = {SUBSCRIPTION: set(), OTHER: set()}

    def callback(name: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            seen[name].add(message.data)
            message.ack()

        return take

    data = {str(number).encode() for number in range(50)}
    with (
        subscribed(pubsub.subscriber, callback(SUBSCRIPTION)),
        subscribed(pubsub.subscriber, callback(OTHER), OTHER),
    ):
        pubsub.publish(*data)
        eventually(lambda: seen == {SUBSCRIPTION: data, OTHER: data}, "both got all")


def test_a_nacked_message_is_delivered_again_to_subscribe(pubsub: PubsubBench) -> None:
    deliveries: list[str] = []

    def callback(message: Any) -> None:
        deliveries.append(message.message_id)
        if len(deliveries) == 1:
            message.nack()
        else:
            message.ack()

    with subscribed(pubsub.subscriber, callback):
        (message_id,) = pubsub.publish(b"a")
        eventually(lambda: pubsub.unacked == 0, "acked at last")
    assert deliveries == [message_id, message_id]


def test_a_message_that_a_subscriber_forgot_goes_to_the_next(pubsub: PubsubBench) -> None:
    got_it = threading.Event()
    pubsub.publish(b"a")
    # The client drops a message it could not settle for so long, and stops prolonging its lease.
    with subscribed(pubsub.subscriber, lambda _: got_it.set(), max_lease_duration=0.1):
        assert got_it.wait(PATIENCE_S)
    assert pubsub.pull() == []
    pubsub.advance(600)
    assert pubsub.pull_data() == [b"a"]


def test_subscribe_never_holds_more_than_its_flow_control_allows(pubsub: PubsubBench) -> None:
    allowed = 5
    held: queue.Queue[Any] = queue.Queue()
    most = 0
    pubsub.publish(*(str(number).encode() for number in range(50)))
    with subscribed(pubsub.subscriber, held.put, max_messages=allowed):
        for _ in range(50 // allowed):
            eventually(lambda: held.qsize() == allowed, "full")
            most = max(most, leased(pubsub))
            for _ in range(allowed):
                held.get().ack()
        eventually(lambda: pubsub.unacked == 0, "all acked")
    assert most <= allowed


def leased(pubsub: PubsubBench) -> int:
    return len(pubsub.server.broker._subscriptions[SUBSCRIPTION]._leases)


def test_a_stream_gets_no_more_than_its_outstanding_messages(pubsub: PubsubBench) -> None:
    pubsub.publish(*(str(number).encode() for number in range(20)))
    stream = Stream(pubsub, max_outstanding_messages=3)
    settled = 0
    while settled < 20:
        received = stream.receive()
        # All that it got before is settled, so this is all that it holds.
        assert len(received) <= 3
        assert leased(pubsub) <= 3
        stream.send(ack_ids=[each.ack_id for each in received])
        settled += len(received)
    eventually(lambda: pubsub.unacked == 0, "all acked")
    stream.close()


def test_a_stream_gets_no_more_than_its_outstanding_bytes(pubsub: PubsubBench) -> None:
    pubsub.publish(*[bytes(1000)] * 10)
    stream = Stream(pubsub, max_outstanding_bytes=2500)
    assert len(stream.receive()) == 3
    assert len(pubsub.pull()) == 7
    stream.close()


def test_an_ack_elsewhere_makes_room_on_the_stream(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a", b"b")
    stream = Stream(pubsub, max_outstanding_messages=1)
    pubsub.ack(*stream.receive())
    assert [each.message.data for each in stream.receive()] == [b"b"]
    stream.close()


def test_deadlines_are_modified_over_the_stream(pubsub: PubsubBench) -> None:
    pubsub.publish(b"short", b"long")
    stream = Stream(pubsub, max_outstanding_messages=2)
    short, long = stream.receive()
    stream.send(modify_deadline_ack_ids=[short.ack_id, long.ack_id], modify_deadline_seconds=[0, 600])
    assert [each.message.data for each in stream.receive()] == [b"short"]
    pubsub.advance(599)
    assert [each.message.data for each in stream.receive()] == [b"short"]
    stream.close()
    pubsub.advance(1)
    assert b"long" in pubsub.pull_data()


def test_the_deadline_of_the_stream_replaces_that_of_the_subscription(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    stream = Stream(pubsub, stream_ack_deadline_seconds=100)
    stream.receive()
    stream.close()
    pubsub.advance(ACK_DEADLINE_S + 89)
    assert pubsub.pull() == []
    pubsub.advance(1)
    assert pubsub.pull_data() == [b"a"]


def test_the_deadline_of_the_stream_can_be_changed(pubsub: PubsubBench) -> None:
    stream = Stream(pubsub, stream_ack_deadline_seconds=100)
    pubsub.publish(b"a")
    received = stream.receive()
    # The ack shows that the request, hence the new deadline, has been read.
    stream.send(stream_ack_deadline_seconds=10, ack_ids=[received[0].ack_id])
    eventually(lambda: pubsub.unacked == 0, "request read")
    pubsub.publish(b"b")
    stream.receive()
    stream.close()
    pubsub.advance(10)
    assert pubsub.pull_data() == [b"b"]


def test_what_a_closed_stream_held_comes_back_after_the_deadline(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    stream = Stream(pubsub)
    stream.receive()
    stream.close()
    assert pubsub.pull() == []
    pubsub.advance(60)
    assert pubsub.pull_data() == [b"a"]


def test_a_cancelled_stream_takes_no_more_messages(pubsub: PubsubBench) -> None:
    with subscribed(pubsub.subscriber, lambda message: message.ack()):
        pubsub.publish(b"a")
        eventually(lambda: pubsub.unacked == 0, "the stream is open")
    eventually(lambda: waiting_streams() == 0, "the server has noticed")
    pubsub.publish(b"b")
    assert pubsub.pull_data() == [b"b"]


def waiting_streams() -> int:
    return sum(thread.name == "streaming-pull-requests" for thread in threading.enumerate())


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({"subscription": ""}, id="no subscription"),
        pytest.param({"stream_ack_deadline_seconds": 9}, id="short deadline"),
        pytest.param({"stream_ack_deadline_seconds": 601}, id="long deadline"),
        pytest.param({"modify_deadline_ack_ids": ["x"]}, id="ack id without a deadline"),
    ],
)
def test_a_stream_with_a_wrong_first_request_is_refused(pubsub: PubsubBench, first: dict[str, Any]) -> None:
    assert isinstance(Stream(pubsub, **first).error(), InvalidArgument)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param({"subscription": SUBSCRIPTION}, id="subscription again"),
        pytest.param({"max_outstanding_messages": 5}, id="flow control again"),
        pytest.param({"modify_deadline_ack_ids": ["x"]}, id="ack id without a deadline"),
        pytest.param({"modify_deadline_ack_ids": ["x"], "modify_deadline_seconds": [-1]}, id="negative deadline"),
        pytest.param({"stream_ack_deadline_seconds": 5}, id="short deadline"),
    ],
)
def test_a_stream_with_a_wrong_later_request_is_aborted(pubsub: PubsubBench, later: dict[str, Any]) -> None:
    stream = Stream(pubsub)
    stream.send(**later)
    assert isinstance(stream.error(), InvalidArgument)


def test_a_stream_of_a_missing_subscription_is_refused(pubsub: PubsubBench) -> None:
    assert isinstance(Stream(pubsub, subscription=OTHER).error(), NotFound)


def test_deleting_the_subscription_ends_its_streams(pubsub: PubsubBench) -> None:
    future = pubsub.subscriber.subscribe(SUBSCRIPTION, lambda message: message.ack())
    pubsub.publish(b"a")
    eventually(lambda: pubsub.unacked == 0, "the stream is open")
    pubsub.subscriber.delete_subscription(subscription=SUBSCRIPTION)
    with pytest.raises(NotFound):
        future.result(PATIENCE_S)


def test_stopping_the_server_ends_its_streams_and_their_threads(pubsub: PubsubBench) -> None:
    stream = Stream(pubsub)
    eventually(lambda: waiting_streams() == 1, "the stream is open")
    pubsub.server.stop()
    assert isinstance(stream.error(), ServiceUnavailable)
    eventually(lambda: waiting_streams() == 0, "its thread has ended")
