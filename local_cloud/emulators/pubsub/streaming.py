"""One StreamingPull: acks and deadlines in, deliveries out, within flow control."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import grpc
from google import pubsub_v1

from local_cloud.emulators.pubsub.broker import Broker
from local_cloud.emulators.pubsub.errors import InvalidArgument, PubsubError, Unavailable
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.requests import (
    check_first_stream_request,
    check_later_stream_request,
    check_stream_acks,
)
from local_cloud.emulators.pubsub.subscription import PERMANENT_FAILURE, Delivery, Outstanding

_StreamingPullResponse: Any = pubsub_v1.StreamingPullResponse.pb()

# A response of the real service rarely has more. The 10 MB limit of a response applies as well.
_MAX_RESPONSE_MESSAGES = 1000
# Only bounds how long a stream sleeps without looking; every change wakes it.
_LOOK_AGAIN_S = 60.0


def fill(response: Any, deliveries: list[Delivery]) -> Any:
    """Puts deliveries into the response of a pull, streaming or not."""
    for delivery in deliveries:
        received = response.received_messages.add(ack_id=delivery.ack_id)
        received.message.MergeFromString(delivery.body)
    return response


def streaming_pull(broker: Broker, dice: Dice, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    first = next(requests, None)
    if first is None:
        raise InvalidArgument("The stream ended before its first request")
    check_first_stream_request(first)
    stream = _Stream(broker, first, context)
    stream.apply(first)
    threading.Thread(target=stream.read, args=(requests,), name="streaming-pull-requests", daemon=True).start()
    while (responses := stream.next_responses()) is not None:
        for response in responses:
            yield response
            if dice.hits("unavailable_after"):
                raise Unavailable("fault: the stream broke")


class _Stream:
    def __init__(self, broker: Broker, first: Any, context: grpc.ServicerContext) -> None:
        self._broker = broker
        self._context = context
        self._subscription: str = first.subscription
        self._deadline_s: float = first.stream_ack_deadline_seconds
        # Zero and less mean no limit.
        self._outstanding = Outstanding(
            max_messages=first.max_outstanding_messages if first.max_outstanding_messages > 0 else sys.maxsize,
            max_bytes=first.max_outstanding_bytes if first.max_outstanding_bytes > 0 else sys.maxsize,
        )
        self._is_exactly_once = broker.subscription(self._subscription).is_exactly_once
        self._confirmations: deque[Any] = deque()
        self._open = True
        self._error: PubsubError | None = None
        if not context.add_callback(self._end):
            self._open = False

    def next_responses(self) -> list[Any] | None:
        """What became of acks and deadlines, and deliveries; None when the stream is over."""
        deliveries = self._broker.receive(
            self._subscription,
            _MAX_RESPONSE_MESSAGES,
            wait_s=_LOOK_AGAIN_S,
            deadline_s=self._lease_s,
            outstanding=self._outstanding,
            wanted=self._is_waiting,
        )
        if self._error is not None:
            raise self._error
        is_over = not self._open and not self._confirmations
        confirmations = [self._confirmations.popleft() for _ in range(len(self._confirmations))]
        return None if is_over else [*confirmations, *self._delivered(deliveries)]

    def _delivered(self, deliveries: list[Delivery]) -> list[Any]:
        return [fill(self._response(), deliveries)] if deliveries and self._open else []

    def read(self, requests: Iterator[Any]) -> None:
        """Applies what the subscriber sends, in a thread of its own, until it closes its side."""
        try:
            for request in requests:
                check_later_stream_request(request)
                self.apply(request)
        except PubsubError as error:
            self._error = error
        except grpc.RpcError:
            pass  # The call is over; the reason is the subscriber's own.
        self._end()

    def apply(self, request: Any) -> None:
        check_stream_acks(request)
        if request.stream_ack_deadline_seconds:
            self._deadline_s = request.stream_ack_deadline_seconds
        if request.ack_ids:
            failures = self._broker.acknowledge(self._subscription, request.ack_ids)
            self._confirm("acknowledge_confirmation", request.ack_ids, failures)
        if request.modify_deadline_ack_ids:
            deadlines = zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True)
            failures = self._broker.modify_deadlines(self._subscription, deadlines)
            self._confirm("modify_ack_deadline_confirmation", request.modify_deadline_ack_ids, failures)

    def _confirm(self, field: str, ack_ids: Iterable[str], failures: Mapping[str, str]) -> None:
        """Answers each ack id, which only exactly-once delivery does."""
        if not self._is_exactly_once:
            return
        response = self._response()
        confirmation = getattr(response, field)
        for ack_id in ack_ids:
            failure = failures.get(ack_id)
            if failure is None:
                confirmation.ack_ids.append(ack_id)
            elif failure == PERMANENT_FAILURE:
                confirmation.invalid_ack_ids.append(ack_id)
            else:
                confirmation.temporary_failed_ack_ids.append(ack_id)
        self._confirmations.append(response)
        self._broker.wake()

    def _response(self) -> Any:
        """With what the subscription is in each: clients take its absence for a change."""
        response = _StreamingPullResponse()
        if self._is_exactly_once:
            response.subscription_properties.exactly_once_delivery_enabled = True
        return response

    def _lease_s(self) -> float:
        return self._deadline_s

    def _is_waiting(self) -> bool:
        """For deliveries, with nothing else to send."""
        return self._open and not self._confirmations

    def _end(self) -> None:
        self._open = False
        self._broker.wake()
