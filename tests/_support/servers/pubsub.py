"""The Pub/Sub server of the local cloud, clients that close, and a clock that only moves when told to."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google import pubsub_v1 as plain
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import pubsub_v1
from google.pubsub_v1 import StreamingPullRequest

from local_cloud.emulators.pubsub import Clock, Faults, PubsubServer
from local_cloud.emulators.pubsub.broker import DEFAULT_MAX_UNACKED_BYTES
from tests._support.waiting import PATIENCE_S

TOPIC = "projects/test/topics/events"
SUBSCRIPTION = "projects/test/subscriptions/reader"
ACK_DEADLINE_S = 10


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def clock(self) -> Clock:
        return Clock(monotonic_s=lambda: self.now_s, wall_ns=lambda: int(self.now_s * 1e9))


class PubsubBench:
    """A server with one topic and one subscription, and the official clients connected to it."""

    def __init__(self, server: PubsubServer, clock: FakeClock) -> None:
        self.server = server
        self.clock = clock
        self.publisher: Any = pubsub_v1.PublisherClient()
        self.subscriber: Any = pubsub_v1.SubscriberClient()
        # The generated client below the batching one: one request for one call.
        self.plain_publisher: Any = plain.PublisherClient(transport=self.publisher.transport)
        self.publisher.create_topic(name=TOPIC)
        self.subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=ACK_DEADLINE_S)

    def advance(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.server.broker.wake()

    def publish(self, *data: bytes) -> list[str]:
        """In one request, so that the order is known."""
        messages = [{"data": each} for each in data]
        response = self.plain_publisher.publish(topic=TOPIC, messages=messages, retry=None)
        return list(response.message_ids)

    def pull(self, max_messages: int = 1000, subscription: str = SUBSCRIPTION) -> list[Any]:
        """What is ready now."""
        request = {"subscription": subscription, "max_messages": max_messages, "return_immediately": True}
        with pytest.warns(DeprecationWarning, match="return_immediately"):
            response = self.subscriber.pull(request=request, retry=None)
        return list(response.received_messages)

    def pull_data(self) -> list[bytes]:
        return [received.message.data for received in self.pull()]

    def ack(self, *received: Any, subscription: str = SUBSCRIPTION) -> None:
        ack_ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids, retry=None)

    @property
    def unacked(self) -> int:
        return self.server.broker.unacked_messages(SUBSCRIPTION)

    def close(self) -> None:
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()


@contextmanager
def pubsub_bench(
    monkeypatch: pytest.MonkeyPatch, faults: Faults, max_unacked_bytes: int = DEFAULT_MAX_UNACKED_BYTES
) -> Iterator[PubsubBench]:
    clock = FakeClock()
    with PubsubServer(faults=faults, clock=clock.clock(), max_unacked_bytes=max_unacked_bytes) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        bench = PubsubBench(server, clock)
        try:
            yield bench
        finally:
            bench.close()


FaultyPubsub = Callable[..., PubsubBench]
"""`faulty_pubsub(duplicate=1.0)` is a bench whose server has that fault."""


@contextmanager
def subscribed(
    client: Any, callback: Callable[[Any], None], subscription: str = SUBSCRIPTION, **flow_control: float
) -> Iterator[Any]:
    """The official way: a callback in threads of the client, until the block ends."""
    future = client.subscribe(subscription, callback, flow_control=pubsub_v1.types.FlowControl(**flow_control))
    try:
        yield future
    finally:
        future.cancel()
        future.result(PATIENCE_S)


class Stream:
    """A stream whose every request is the test's own."""

    def __init__(self, pubsub: PubsubBench, **first: Any) -> None:
        self._requests: queue.Queue[StreamingPullRequest | None] = queue.Queue()
        first = {"subscription": SUBSCRIPTION, "stream_ack_deadline_seconds": 60, **first}
        self.send(**first)
        self._responses = pubsub.subscriber.streaming_pull(
            requests=iter(self._requests.get, None), timeout=PATIENCE_S, retry=None
        )

    def send(self, **request: Any) -> None:
        self._requests.put(StreamingPullRequest(**request))

    def receive(self) -> list[Any]:
        return list(self.response().received_messages)

    def response(self) -> Any:
        return next(self._responses)

    def half_close(self) -> None:
        self._requests.put(None)

    def rest(self) -> list[Any]:
        """What comes until the server has closed its half."""
        return list(self._responses)

    def close(self) -> None:
        """Half-closes, and waits until the server has closed the other half."""
        self.half_close()
        assert self.rest() == []

    def error(self) -> Exception:
        with pytest.raises(GoogleAPICallError) as caught:
            next(self._responses)
        self._requests.put(None)
        return caught.value
