"""The unary calls of the service, through the official clients."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    GoogleAPICallError,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    ResourceExhausted,
)

from local_cloud.emulators.pubsub import Faults
from tests._support.servers.pubsub import ACK_DEADLINE_S, SUBSCRIPTION, TOPIC, PubsubBench, pubsub_bench
from tests._support.waiting import PATIENCE_S

OTHER_TOPIC = "projects/test/topics/other"
OTHER = "projects/test/subscriptions/other"


def test_a_message_arrives_with_its_attributes_an_id_and_the_servers_time(pubsub: PubsubBench) -> None:
    future = pubsub.publisher.publish(TOPIC, b"hello", colour="blue")
    message_id = future.result(PATIENCE_S)
    (received,) = pubsub.pull()
    assert received.message.data == b"hello"
    assert dict(received.message.attributes) == {"colour": "blue"}
    assert received.message.message_id == message_id
    assert re.fullmatch("[0-9]+", message_id)
    assert received.message.publish_time.timestamp() == pubsub.clock.now_s


def test_message_ids_grow_in_the_order_of_publishing(pubsub: PubsubBench) -> None:
    ids = pubsub.publish(b"a", b"b") + pubsub.publish(b"c")
    assert sorted(ids, key=int) == ids
    assert sorted(ids, key=str.encode) == ids


def test_a_message_of_attributes_alone_is_allowed(pubsub: PubsubBench) -> None:
    pubsub.publisher.publish(TOPIC, b"", only="attributes").result(PATIENCE_S)
    (received,) = pubsub.pull()
    assert received.message.data == b""
    assert dict(received.message.attributes) == {"only": "attributes"}


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="no message"),
        pytest.param([{"data": b""}], id="empty message"),
        pytest.param([{"data": b"good"}, {"data": b""}], id="one of two empty"),
        pytest.param([{"data": b"x"}] * 1001, id="more than 1000"),
        pytest.param([{"data": bytes(10_000_000)}], id="more than 10 MB"),
        pytest.param([{"data": b"x", "attributes": {"k" * 257: "v"}}], id="long attribute key"),
        pytest.param([{"data": b"x", "attributes": {"k": "v" * 1025}}], id="long attribute value"),
    ],
)
def test_publishing_is_refused_as_a_whole_when_a_limit_is_broken(
    pubsub: PubsubBench, messages: list[dict[str, Any]]
) -> None:
    with pytest.raises(InvalidArgument):
        pubsub.plain_publisher.publish(topic=TOPIC, messages=messages, retry=None)
    assert pubsub.unacked == 0


def test_the_largest_request_is_accepted(pubsub: PubsubBench) -> None:
    pubsub.publish(*[b"x" * 9_900] * 1000)
    # In answers that a client led here by PUBSUB_EMULATOR_HOST can take: at most 4 MiB each.
    answers = [len(pubsub.pull()) for _ in range(3)]
    assert sum(answers) == 1000
    assert all(answers)


def test_publishing_is_refused_while_too_much_is_unacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pubsub_bench(monkeypatch, Faults(), max_unacked_bytes=1000) as pubsub:
        with pytest.raises(ResourceExhausted):
            pubsub.publish(bytes(1001))
        pubsub.publish(b"small enough")


def test_create_get_list_and_delete_a_topic(pubsub: PubsubBench) -> None:
    pubsub.publisher.create_topic(name=OTHER_TOPIC)
    assert pubsub.publisher.get_topic(topic=OTHER_TOPIC).name == OTHER_TOPIC
    names = [topic.name for topic in pubsub.publisher.list_topics(project="projects/test")]
    assert names == [TOPIC, OTHER_TOPIC]
    assert list(pubsub.publisher.list_topics(project="projects/tes")) == []
    pubsub.publisher.delete_topic(topic=OTHER_TOPIC)
    with pytest.raises(NotFound):
        pubsub.publisher.get_topic(topic=OTHER_TOPIC)


def test_create_get_list_and_delete_a_subscription(pubsub: PubsubBench) -> None:
    created = pubsub.subscriber.create_subscription(name=OTHER, topic=TOPIC, ack_deadline_seconds=600)
    assert pubsub.subscriber.get_subscription(subscription=OTHER) == created
    assert (created.topic, created.ack_deadline_seconds) == (TOPIC, 600)
    names = [each.name for each in pubsub.subscriber.list_subscriptions(project="projects/test")]
    assert names == [OTHER, SUBSCRIPTION]
    assert list(pubsub.publisher.list_topic_subscriptions(topic=TOPIC)) == names
    pubsub.subscriber.delete_subscription(subscription=OTHER)
    with pytest.raises(NotFound):
        pubsub.subscriber.get_subscription(subscription=OTHER)


def test_lists_come_in_pages(pubsub: PubsubBench) -> None:
    for letter in "abcd":
        pubsub.publisher.create_topic(name=f"projects/pages/topics/topic-{letter}")
    pager = pubsub.publisher.list_topics(request={"project": "projects/pages", "page_size": 2})
    assert [[topic.name[-1] for topic in page.topics] for page in pager.pages] == [["a", "b"], ["c", "d"]]


def test_the_subscription_of_a_deleted_topic_says_so(pubsub: PubsubBench) -> None:
    pubsub.publisher.delete_topic(topic=TOPIC)
    assert pubsub.subscriber.get_subscription(subscription=SUBSCRIPTION).topic == "_deleted-topic_"


def test_a_subscription_without_a_deadline_gets_ten_seconds(pubsub: PubsubBench) -> None:
    assert pubsub.subscriber.create_subscription(name=OTHER, topic=TOPIC).ack_deadline_seconds == 10


CALLS_THAT_FAIL: list[tuple[type[GoogleAPICallError], str, Callable[[PubsubBench], object]]] = [
    (AlreadyExists, "create topic", lambda p: p.publisher.create_topic(name=TOPIC)),
    (
        AlreadyExists,
        "create subscription",
        lambda p: p.subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC),
    ),
    (
        NotFound,
        "subscribe to missing topic",
        lambda p: p.subscriber.create_subscription(name=OTHER, topic=OTHER_TOPIC),
    ),
    (NotFound, "delete missing topic", lambda p: p.publisher.delete_topic(topic=OTHER_TOPIC)),
    (NotFound, "list missing topic", lambda p: list(p.publisher.list_topic_subscriptions(topic=OTHER_TOPIC))),
    (NotFound, "publish", lambda p: p.publisher.publish(OTHER_TOPIC, b"x").result(PATIENCE_S)),
    (
        NotFound,
        "delete missing subscription",
        lambda p: p.subscriber.delete_subscription(subscription=OTHER),
    ),
    (NotFound, "pull", lambda p: p.subscriber.pull(subscription=OTHER, max_messages=1)),
    (NotFound, "ack", lambda p: p.subscriber.acknowledge(subscription=OTHER, ack_ids=["x"])),
    (
        NotFound,
        "modify deadline",
        lambda p: p.subscriber.modify_ack_deadline(subscription=OTHER, ack_ids=["x"], ack_deadline_seconds=10),
    ),
    (InvalidArgument, "topic name", lambda p: p.publisher.create_topic(name="projects/test/topics/1st")),
    (InvalidArgument, "goog name", lambda p: p.publisher.create_topic(name="projects/test/topics/goog-x")),
    (
        InvalidArgument,
        "subscription name",
        lambda p: p.subscriber.create_subscription(name=OTHER_TOPIC, topic=TOPIC),
    ),
    (
        InvalidArgument,
        "short deadline",
        lambda p: p.subscriber.create_subscription(name=OTHER, topic=TOPIC, ack_deadline_seconds=9),
    ),
    (
        InvalidArgument,
        "long deadline",
        lambda p: p.subscriber.create_subscription(name=OTHER, topic=TOPIC, ack_deadline_seconds=601),
    ),
    (InvalidArgument, "pull nothing", lambda p: p.subscriber.pull(subscription=SUBSCRIPTION, max_messages=0)),
    (InvalidArgument, "ack nothing", lambda p: p.subscriber.acknowledge(subscription=SUBSCRIPTION)),
    (
        InvalidArgument,
        "acks larger than 512 KiB",
        lambda p: p.subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=["x" * 180] * 3000),
    ),
    (
        InvalidArgument,
        "negative deadline",
        lambda p: p.subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=["x"], ack_deadline_seconds=-1),
    ),
    (
        MethodNotImplemented,
        "ordering",
        lambda p: p.subscriber.create_subscription(
            request={"name": OTHER, "topic": TOPIC, "enable_message_ordering": True}
        ),
    ),
]


@pytest.mark.parametrize(
    ("error", "call"),
    [pytest.param(error, call, id=f"{error.__name__}: {name}") for error, name, call in CALLS_THAT_FAIL],
)
def test_a_call_fails_with_the_status_of_the_real_service(
    pubsub: PubsubBench, error: type[GoogleAPICallError], call: Callable[[PubsubBench], object]
) -> None:
    with pytest.raises(error):
        call(pubsub)


def test_a_pull_gets_what_there_is_and_no_more_than_asked(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a", b"b", b"c")
    response = pubsub.subscriber.pull(subscription=SUBSCRIPTION, max_messages=2, retry=None)
    assert [received.message.data for received in response.received_messages] == [b"a", b"b"]
    response = pubsub.subscriber.pull(subscription=SUBSCRIPTION, max_messages=100, retry=None)
    assert [received.message.data for received in response.received_messages] == [b"c"]


def test_a_pull_that_returns_immediately_may_be_empty(pubsub: PubsubBench) -> None:
    assert pubsub.pull() == []


def test_a_pull_waits_for_a_message(pubsub: PubsubBench) -> None:
    responses: list[Any] = []

    def pull() -> None:
        responses.append(pubsub.subscriber.pull(subscription=SUBSCRIPTION, max_messages=10, retry=None))

    thread = threading.Thread(target=pull)
    thread.start()
    pubsub.publish(b"late")
    thread.join(PATIENCE_S)
    assert [received.message.data for received in responses[0].received_messages] == [b"late"]


def test_a_pull_gives_up_empty_after_a_bounded_time(pubsub: PubsubBench) -> None:
    responses: list[Any] = []

    def pull() -> None:
        responses.append(pubsub.subscriber.pull(subscription=SUBSCRIPTION, max_messages=10, retry=None))

    thread = threading.Thread(target=pull)
    thread.start()
    while thread.is_alive():  # the wait may begin after the clock has moved
        pubsub.advance(60)
        thread.join(0.01)
    assert list(responses[0].received_messages) == []


def test_a_message_comes_again_after_its_deadline_under_another_ack_id(pubsub: PubsubBench) -> None:
    (message_id,) = pubsub.publish(b"a")
    (first,) = pubsub.pull()
    assert pubsub.pull() == []
    pubsub.advance(ACK_DEADLINE_S)
    (second,) = pubsub.pull()
    assert first.message.message_id == second.message.message_id == message_id
    assert first.ack_id != second.ack_id
    pubsub.ack(first)
    assert pubsub.unacked == 1
    pubsub.ack(second)
    assert pubsub.unacked == 0


def test_a_modified_deadline_counts_from_the_call(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    (received,) = pubsub.pull()
    pubsub.subscriber.modify_ack_deadline(
        subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=300
    )
    pubsub.advance(299)
    assert pubsub.pull() == []
    pubsub.advance(1)
    assert pubsub.pull_data() == [b"a"]


def test_a_deadline_of_zero_gives_the_message_back(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    (received,) = pubsub.pull()
    pubsub.subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=[received.ack_id], ack_deadline_seconds=0)
    assert pubsub.pull_data() == [b"a"]


def test_subscriptions_of_a_topic_each_get_every_message(pubsub: PubsubBench) -> None:
    pubsub.subscriber.create_subscription(name=OTHER, topic=TOPIC)
    pubsub.publish(b"a", b"b")
    pubsub.ack(*pubsub.pull())
    assert [received.message.data for received in pubsub.pull(subscription=OTHER)] == [b"a", b"b"]


def test_acking_twice_is_accepted(pubsub: PubsubBench) -> None:
    pubsub.publish(b"a")
    received = pubsub.pull()
    pubsub.ack(*received)
    pubsub.ack(*received)
    assert pubsub.unacked == 0
