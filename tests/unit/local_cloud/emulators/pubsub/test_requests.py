"""The limits of requests: the last value that is allowed, and the first that is not."""

from __future__ import annotations

from typing import Any

import pytest
from google import pubsub_v1

from local_cloud.emulators.pubsub.errors import InvalidArgument, PubsubError, Unimplemented
from local_cloud.emulators.pubsub.requests import (
    DEFAULT_ACK_DEADLINE_S,
    MAX_ACK_REQUEST_BYTES,
    MAX_PUBLISH_BYTES,
    check_ack_request,
    check_first_stream_request,
    check_later_stream_request,
    check_name,
    check_new_deadline,
    check_publish,
    check_stream_acks,
    check_subscription,
)

_TOPIC = "projects/p/topics/flights"
_SUBSCRIPTION = "projects/p/subscriptions/reader"

# Raw protobuf, as the server reads it.
_Publish: Any = pubsub_v1.PublishRequest.pb()
_Subscription: Any = pubsub_v1.Subscription.pb()
_Acknowledge: Any = pubsub_v1.AcknowledgeRequest.pb()
_Streaming: Any = pubsub_v1.StreamingPullRequest.pb()


@pytest.mark.parametrize(
    "name", [_TOPIC, "projects/p/topics/a12", "projects/p/topics/A.b_c~d+e%f-g", _TOPIC + "x" * 247]
)
def test_a_name_of_the_form_of_the_real_service_is_taken(name: str) -> None:
    check_name(name, "topics")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "flights",
        "projects//topics/flights",
        "projects/p/topics/ab",
        "projects/p/topics/1ab",
        "projects/p/topics/google",
        "projects/p/topics/a b",
        "projects/p/topics/a/b",
        _TOPIC + "x" * 250,
        _SUBSCRIPTION,
    ],
)
def test_any_other_name_is_refused_and_shown(name: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        check_name(name, "topics")
    assert repr(name) in str(error.value)


@pytest.mark.parametrize(
    "messages",
    [
        [{"data": b"x"}] * 1000,
        [{"attributes": {"only": "attributes"}}],
        [{"attributes": {f"key {number}": "" for number in range(100)}}],
        [{"attributes": {"é" * 128: "é" * 512}}],  # 256 and 1024 bytes
    ],
)
def test_a_publish_request_at_its_limits_is_taken(messages: list[dict[str, Any]]) -> None:
    check_publish(_Publish(topic=_TOPIC, messages=messages))


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "at least one message"),
        ([{"data": b"x"}] * 1001, "1001 messages"),
        ([{"data": bytes(MAX_PUBLISH_BYTES)}], "10000000 allowed"),
        ([{"data": b"x"}, {}], "needs data or at least one attribute"),
        ([{"attributes": {f"key {number}": "" for number in range(101)}}], "101 attributes"),
        ([{"attributes": {"": "x"}}], "key of 0 bytes"),
        ([{"attributes": {"é" * 128 + "x": "x"}}], "key of 257 bytes"),
        ([{"attributes": {"k": "é" * 512 + "x"}}], "value of 1025 bytes"),
    ],
)
def test_a_publish_request_beyond_a_limit_is_refused(messages: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        check_publish(_Publish(topic=_TOPIC, messages=messages))


@pytest.mark.parametrize(("given", "seconds"), [(0, DEFAULT_ACK_DEADLINE_S), (10, 10), (600, 600)])
def test_a_subscription_has_the_deadline_that_it_was_given_or_the_default(given: int, seconds: int) -> None:
    request = _Subscription(name=_SUBSCRIPTION, topic=_TOPIC, ack_deadline_seconds=given)
    assert check_subscription(request) == seconds


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"ack_deadline_seconds": 9}, InvalidArgument),
        ({"ack_deadline_seconds": 601}, InvalidArgument),
        ({"name": _TOPIC}, InvalidArgument),
        ({"topic": _SUBSCRIPTION}, InvalidArgument),
        ({"enable_message_ordering": True}, Unimplemented),
        ({"filter": "attributes:x"}, Unimplemented),
        ({"push_config": {"push_endpoint": "https://x"}}, Unimplemented),
    ],
)
def test_a_subscription_that_this_server_would_not_keep_is_refused(
    given: dict[str, Any], error: type[PubsubError]
) -> None:
    with pytest.raises(error):
        check_subscription(_Subscription(**{"name": _SUBSCRIPTION, "topic": _TOPIC, **given}))


def test_an_ack_request_has_ids_and_is_not_too_large() -> None:
    check_ack_request(_Acknowledge(ack_ids=["x"]))
    with pytest.raises(InvalidArgument, match="No ack ids"):
        check_ack_request(_Acknowledge())
    with pytest.raises(InvalidArgument, match=f"{MAX_ACK_REQUEST_BYTES} allowed"):
        check_ack_request(_Acknowledge(ack_ids=["x" * MAX_ACK_REQUEST_BYTES]))


@pytest.mark.parametrize(("seconds", "is_taken"), [(-1, False), (0, True), (600, True), (601, False)])
def test_a_new_deadline_is_0_to_600_seconds_alone_and_on_a_stream(seconds: int, is_taken: bool) -> None:
    on_stream = _Streaming(modify_deadline_ack_ids=["a", "b"], modify_deadline_seconds=[10, seconds])
    if is_taken:
        check_new_deadline(seconds)
        check_stream_acks(on_stream)
        return
    with pytest.raises(InvalidArgument):
        check_new_deadline(seconds)
    with pytest.raises(InvalidArgument):
        check_stream_acks(on_stream)


def test_each_new_deadline_of_a_stream_has_its_ack_id() -> None:
    with pytest.raises(InvalidArgument, match="differ in length"):
        check_stream_acks(_Streaming(modify_deadline_ack_ids=["a"], modify_deadline_seconds=[10, 20]))


@pytest.mark.parametrize(
    ("first", "is_taken"),
    [
        ({"stream_ack_deadline_seconds": 10}, True),
        ({"stream_ack_deadline_seconds": 600, "max_outstanding_messages": 1}, True),
        ({"stream_ack_deadline_seconds": 9}, False),
        ({"stream_ack_deadline_seconds": 601}, False),
        ({"stream_ack_deadline_seconds": 10, "subscription": ""}, False),
    ],
)
def test_the_first_request_of_a_stream_names_subscription_and_deadline(first: dict[str, Any], is_taken: bool) -> None:
    request = _Streaming(**{"subscription": _SUBSCRIPTION, **first})
    if is_taken:
        check_first_stream_request(request)
        return
    with pytest.raises(InvalidArgument):
        check_first_stream_request(request)


@pytest.mark.parametrize(
    ("later", "is_taken"),
    [
        ({}, True),
        ({"ack_ids": ["a"], "stream_ack_deadline_seconds": 60}, True),
        ({"stream_ack_deadline_seconds": 9}, False),
        ({"subscription": _SUBSCRIPTION}, False),
        ({"max_outstanding_messages": 1}, False),
        ({"max_outstanding_bytes": 1}, False),
    ],
)
def test_a_later_request_of_a_stream_changes_the_deadline_at_most(later: dict[str, Any], is_taken: bool) -> None:
    if is_taken:
        check_later_stream_request(_Streaming(**later))
        return
    with pytest.raises(InvalidArgument):
        check_later_stream_request(_Streaming(**later))
