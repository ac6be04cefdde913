"""A server, clients that close, and a clock that only moves when told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google import pubsub_v1 as plain
from google.cloud import pubsub_v1

from local_cloud.emulators.pubsub import Clock, Faults, PubsubServer
from local_cloud.emulators.pubsub.broker import DEFAULT_MAX_UNACKED_BYTES

TOPIC = "projects/test/topics/events"
SUBSCRIPTION = "projects/test/subscriptions/reader"
ACK_DEADLINE_S = 10

# Nothing here takes a second on a quiet machine; a busy one is given this long before a test fails.
PATIENCE_S = 20.0


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def clock(self) -> Clock:
        return Clock(monotonic_s=lambda: self.now_s, wall_ns=lambda: int(self.now_s * 1e9))


def eventually(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Waits for an effect, not for a time."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {within_s} s: {what}"
        time.sleep(0.005)


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


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubBench]:
    with pubsub_bench(monkeypatch, Faults()) as bench:
        yield bench


FaultyPubsub = Callable[..., PubsubBench]


@pytest.fixture
def faulty_pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyPubsub]:
    """`faulty_pubsub(duplicate=1.0)` is a bench whose server has that fault."""
    with monkeypatch.context() as patch:
        benches = []

        def start(**faults: float) -> PubsubBench:
            manager = pubsub_bench(patch, Faults(**faults))  # type: ignore[arg-type]
            benches.append(manager)
            return manager.__enter__()

        yield start
        for manager in benches:
            manager.__exit__(None, None, None)
