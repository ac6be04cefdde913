"""Checks requests against the limits of the real service, so that mistakes show up here."""

from __future__ import annotations

import re
from typing import Any

from local_cloud.emulators.pubsub.errors import InvalidArgument, Unimplemented

MAX_PUBLISH_MESSAGES = 1000
MAX_PUBLISH_BYTES = 10_000_000
MAX_ACK_REQUEST_BYTES = 512 * 1024
MIN_ACK_DEADLINE_S, MAX_ACK_DEADLINE_S, DEFAULT_ACK_DEADLINE_S = 10, 600, 10
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1024

_NAME = re.compile(r"projects/[^/]+/(topics|subscriptions)/(?!goog)[A-Za-z][A-Za-z0-9_.~+%-]{2,254}")

# Settings that change which messages are delivered. Ignoring them would mislead.
_UNSUPPORTED = (
    "bigquery_config",
    "cloud_storage_config",
    "dead_letter_policy",
    "enable_message_ordering",
    "filter",
    "push_config",
    "retry_policy",
)


def check_name(name: str, kind: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None or match[1] != kind:
        raise InvalidArgument(f"Not a name of the form projects/PROJECT/{kind}/NAME: {name!r}")


def check_publish(request: Any) -> None:
    if not request.messages:
        raise InvalidArgument("A publish request needs at least one message")
    if len(request.messages) > MAX_PUBLISH_MESSAGES:
        raise InvalidArgument(f"{len(request.messages)} messages in one request, {MAX_PUBLISH_MESSAGES} allowed")
    if request.ByteSize() > MAX_PUBLISH_BYTES:
        raise InvalidArgument(f"Request of {request.ByteSize()} bytes, {MAX_PUBLISH_BYTES} allowed")
    for message in request.messages:
        if message.attributes:
            _check_attributes(message.attributes)
        elif not message.data:
            raise InvalidArgument("A message needs data or at least one attribute")


def _check_attributes(attributes: Any) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise InvalidArgument(f"{len(attributes)} attributes on one message, {MAX_ATTRIBUTES} allowed")
    for key, value in attributes.items():
        if not 0 < len(key.encode()) <= MAX_ATTRIBUTE_KEY_BYTES:
            raise InvalidArgument(f"Attribute key of {len(key.encode())} bytes")
        if len(value.encode()) > MAX_ATTRIBUTE_VALUE_BYTES:
            raise InvalidArgument(f"Attribute value of {len(value.encode())} bytes")


def check_subscription(request: Any) -> int:
    """The ack deadline of the new subscription."""
    check_name(request.name, "subscriptions")
    check_name(request.topic, "topics")
    given = {descriptor.name for descriptor, _ in request.ListFields()}
    if unsupported := sorted(given.intersection(_UNSUPPORTED)):
        raise Unimplemented(f"Not in this server: {', '.join(unsupported)}")
    if request.ack_deadline_seconds == 0:
        return DEFAULT_ACK_DEADLINE_S
    if not MIN_ACK_DEADLINE_S <= request.ack_deadline_seconds <= MAX_ACK_DEADLINE_S:
        raise InvalidArgument(f"Ack deadline of {request.ack_deadline_seconds} s, 10 to 600 allowed")
    return int(request.ack_deadline_seconds)


def check_ack_request(request: Any) -> None:
    if not request.ack_ids:
        raise InvalidArgument("No ack ids given")
    if request.ByteSize() > MAX_ACK_REQUEST_BYTES:
        raise InvalidArgument(f"Request of {request.ByteSize()} bytes, {MAX_ACK_REQUEST_BYTES} allowed")


def check_new_deadline(seconds: int) -> None:
    if not 0 <= seconds <= MAX_ACK_DEADLINE_S:
        raise InvalidArgument(f"New ack deadline of {seconds} s, 0 to 600 allowed")


def check_first_stream_request(request: Any) -> None:
    if not request.subscription:
        raise InvalidArgument("The first request of a stream names the subscription")
    _check_stream_deadline(request.stream_ack_deadline_seconds)


def check_later_stream_request(request: Any) -> None:
    if request.subscription or request.max_outstanding_messages or request.max_outstanding_bytes:
        raise InvalidArgument("Only the first request of a stream names the subscription and its flow control")
    if request.stream_ack_deadline_seconds:
        _check_stream_deadline(request.stream_ack_deadline_seconds)


def _check_stream_deadline(seconds: int) -> None:
    if not MIN_ACK_DEADLINE_S <= seconds <= MAX_ACK_DEADLINE_S:
        raise InvalidArgument(f"Stream ack deadline of {seconds} s, 10 to 600 allowed")


def check_stream_acks(request: Any) -> None:
    if len(request.modify_deadline_seconds) != len(request.modify_deadline_ack_ids):
        raise InvalidArgument("modify_deadline_seconds and modify_deadline_ack_ids differ in length")
    for seconds in request.modify_deadline_seconds:
        check_new_deadline(seconds)
