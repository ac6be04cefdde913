"""One StreamingPull: acks and deadlines in, deliveries out, within flow control."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
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
from local_cloud.emulators.pubsub.subscription import Delivery, Outstanding

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
    while (deliveries := stream.next_deliveries()) is not None:
        if deliveries:
            yield fill(_StreamingPullResponse(), deliveries)
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
        self._open = True
        self._error: PubsubError | None = None
        if not context.add_callback(self._end):
            self._open = False

    def next_deliveries(self) -> list[Delivery] | None:
        """None when the stream is over."""
        deliveries = self._broker.receive(
            self._subscription,
            _MAX_RESPONSE_MESSAGES,
            wait_s=_LOOK_AGAIN_S,
            deadline_s=self._lease_s,
            outstanding=self._outstanding,
            wanted=self._is_open,
        )
        if self._error is not None:
            raise self._error
        return deliveries if self._open else None

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
            self._broker.acknowledge(self._subscription, request.ack_ids)
        if request.modify_deadline_ack_ids:
            deadlines = zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True)
            self._broker.modify_deadlines(self._subscription, deadlines)

    def _lease_s(self) -> float:
        return self._deadline_s

    def _is_open(self) -> bool:
        return self._open

    def _end(self) -> None:
        self._open = False
        self._broker.wake()
