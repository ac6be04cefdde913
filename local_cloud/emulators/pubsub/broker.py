"""Topics and subscriptions: turns published messages into deliveries, under one lock.

The clock is passed in. Knows nothing of gRPC and does not look inside a message.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from local_cloud.emulators.pubsub.clock import Clock
from local_cloud.emulators.pubsub.errors import AlreadyExists, NotFound, ResourceExhausted, Unavailable
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.journal import Journal, Kept
from local_cloud.emulators.pubsub.subscription import (
    PERMANENT_FAILURE,
    Delivery,
    Message,
    Outstanding,
    Retention,
    Subscription,
)

DELETED_TOPIC = "_deleted-topic_"

# What one answer carries at most. The real service sends up to 10 MB, but the official client, led here by
# PUBSUB_EMULATOR_HOST, opens a channel that refuses more than 4 MiB (4,194,304 bytes).
MAX_RESPONSE_BYTES = 4_100_000

# The year of real flights is 0.4 GB of events: it fits, published without any subscriber reading, more than
# twice. Beyond, publishers are told to back off (the official client retries) before a laptop swaps.
DEFAULT_MAX_UNACKED_BYTES = 1_000_000_000

# The clock may jump during a wait (a laptop sleeps, a test moves it): check again this often.
_LONGEST_NAP_S = 1.0

# Real ack ids are about this long. Requests of acks are limited by size, so short ones would hide a mistake.
_ACK_ID_LENGTH = 176


@dataclass(eq=False)
class _Topic:
    retention: Retention = field(default_factory=Retention)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


@dataclass(frozen=True)
class SubscriptionInfo:
    name: str
    topic: str
    ack_deadline_s: int
    is_exactly_once: bool = False


def _always() -> bool:
    return True


class Broker:
    """With a journal, it starts from its content, and answers only after writing to it."""

    def __init__(
        self,
        clock: Clock,
        dice: Dice,
        max_unacked_bytes: int = DEFAULT_MAX_UNACKED_BYTES,
        journal: Journal | None = None,
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._max_unacked_bytes = max_unacked_bytes
        self._lock = threading.Lock()
        self._topics: dict[str, _Topic] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._changed: dict[str, threading.Condition] = {}
        self._closed = False
        # Microseconds since 1970: 16 digits like real ids, and a restarted server goes on with larger ones.
        self._message_ids = itertools.count(clock.wall_ns() // 1000)
        self._next_number = 1
        self._journal = journal
        if journal is not None:
            self._restore(journal.kept)

    # topics

    def create_topic(self, name: str) -> None:
        with self._lock:
            if name in self._topics:
                raise AlreadyExists(f"Topic already exists: {name}")
            if self._journal is not None:
                self._journal.topic(name)
            self._topics[name] = _Topic()

    def delete_topic(self, name: str) -> None:
        """Its subscriptions stay, with what they hold, and belong to no topic."""
        with self._lock:
            topic = self._topic(name)
            if self._journal is not None:
                self._journal.no_topic(name)
            del self._topics[name]
            for subscription in topic.subscriptions.values():
                subscription.topic = DELETED_TOPIC

    def topics(self) -> list[str]:
        with self._lock:
            return sorted(self._topics)

    def subscriptions_of(self, topic: str) -> list[str]:
        with self._lock:
            return sorted(self._topic(topic).subscriptions)

    def unacked_bytes(self, topic: str) -> int:
        with self._lock:
            return self._topic(topic).retention.unacked_bytes

    # subscriptions

    def create_subscription(
        self, name: str, topic: str, ack_deadline_s: int, *, is_exactly_once: bool = False
    ) -> SubscriptionInfo:
        with self._lock:
            if name in self._subscriptions:
                raise AlreadyExists(f"Subscription already exists: {name}")
            subscriptions = self._topic(topic).subscriptions
            if self._journal is not None:
                self._journal.subscription(name, topic, ack_deadline_s, is_exactly_once)
            subscriptions[name] = self._open(name, topic, ack_deadline_s, is_exactly_once)
            return self._info(name)

    def delete_subscription(self, name: str) -> None:
        with self._lock:
            subscription = self._subscription(name)
            if self._journal is not None:
                self._journal.no_subscription(name)
            subscription.drop_all()
            del self._subscriptions[name]
            self._changed.pop(name).notify_all()
            if subscription.topic in self._topics:
                self._topics[subscription.topic].subscriptions.pop(name, None)

    def subscription(self, name: str) -> SubscriptionInfo:
        with self._lock:
            self._subscription(name)
            return self._info(name)

    def subscriptions(self) -> list[SubscriptionInfo]:
        with self._lock:
            return [self._info(name) for name in sorted(self._subscriptions)]

    def unacked_messages(self, subscription: str) -> int:
        with self._lock:
            return len(self._subscription(subscription))

    # messages

    def reserve_message_ids(self, count: int) -> list[int]:
        with self._lock:
            return list(itertools.islice(self._message_ids, count))

    def publish(self, topic_name: str, bodies: Sequence[bytes]) -> None:
        """Hands the messages to every subscription that the topic has now; all of them or none."""
        with self._lock:
            topic = self._topic(topic_name)
            if not topic.subscriptions:
                return
            size = sum(map(len, bodies))
            if topic.retention.unacked_bytes + size > self._max_unacked_bytes:
                raise ResourceExhausted(
                    f"{topic_name} keeps {topic.retention.unacked_bytes} unacked bytes, the limit is "
                    f"{self._max_unacked_bytes}"
                )
            if self._journal is not None:
                self._journal.publish(list(topic.subscriptions), self._next_number, bodies)
            topic.retention.unacked_bytes += size
            now = self._clock.monotonic_s()
            messages = [
                Message(body, topic.retention, len(topic.subscriptions), number)
                for number, body in enumerate(bodies, self._next_number)
            ]
            self._next_number += len(bodies)
            for name, subscription in topic.subscriptions.items():
                for message in messages:
                    subscription.add(message, now)
                self._changed[name].notify_all()

    def receive(
        self,
        subscription_name: str,
        max_messages: int,
        *,
        wait_s: float,
        deadline_s: Callable[[], float] | None = None,
        outstanding: Outstanding | None = None,
        wanted: Callable[[], bool] = _always,
    ) -> list[Delivery]:
        """Ready messages at once, else waits. Empty after `wait_s`, or when `wanted` is false.

        Code that makes `wanted` false calls wake(). `deadline_s` is called after the wait, since it
        may have changed; without it, a lease gets the subscription's deadline.
        """
        with self._lock:
            wait_until = self._clock.monotonic_s() + wait_s
            while True:
                subscription = self._subscription(subscription_name)
                if self._closed:
                    raise Unavailable("the server is shutting down")
                now = self._clock.monotonic_s()
                taken = []
                if wanted():
                    lease_s = subscription.ack_deadline_s if deadline_s is None else deadline_s()
                    taken = subscription.take(now, max_messages, MAX_RESPONSE_BYTES, lease_s, outstanding)
                if taken or now >= wait_until or not wanted():
                    return taken
                next_change_at = subscription.next_change_at()
                wake_at = wait_until if next_change_at is None else min(wait_until, next_change_at)
                self._changed[subscription_name].wait(min(max(wake_at - now, 0.0), _LONGEST_NAP_S))

    def acknowledge(self, subscription_name: str, ack_ids: Iterable[str]) -> dict[str, str]:
        """The failures by ack id, which only a subscription with exactly-once delivery has."""
        with self._lock:
            acked = self._subscription(subscription_name).ack(ack_ids, self._clock.monotonic_s())
            if self._journal is not None:
                self._journal.ack(subscription_name, acked.gone)
            self._changed[subscription_name].notify_all()
            return acked.failures

    def modify_deadlines(self, subscription_name: str, deadlines: Iterable[tuple[str, float]]) -> dict[str, str]:
        """The failures by ack id, as in `acknowledge`."""
        with self._lock:
            subscription = self._subscription(subscription_name)
            now = self._clock.monotonic_s()
            unknown = [
                each for each, deadline_s in deadlines if not subscription.modify_deadline(each, deadline_s, now)
            ]
            self._changed[subscription_name].notify_all()
            return dict.fromkeys(unknown, PERMANENT_FAILURE) if subscription.is_exactly_once else {}

    # waiting

    def wake(self) -> None:
        """Makes everybody who waits look again."""
        with self._lock:
            for changed in self._changed.values():
                changed.notify_all()

    def close(self) -> None:
        """Ends all waiting, for good."""
        with self._lock:
            self._closed = True
        self.wake()

    # under the lock

    def _open(self, name: str, topic: str, ack_deadline_s: int, is_exactly_once: bool) -> Subscription:
        prefix = secrets.token_urlsafe(_ACK_ID_LENGTH * 3 // 4) + "-"
        subscription = Subscription(topic, ack_deadline_s, prefix, self._dice, is_exactly_once=is_exactly_once)
        self._subscriptions[name] = subscription
        self._changed[name] = threading.Condition(self._lock)
        return subscription

    def _restore(self, kept: Kept) -> None:
        self._next_number = kept.next_number
        self._topics = {name: _Topic() for name in kept.topics}
        forgotten = _Topic()  # what subscriptions of deleted topics belong to
        holders = Counter(number for unacked in kept.unacked.values() for number in unacked)
        messages: dict[int, Message] = {}
        now = self._clock.monotonic_s()
        for name, (topic_name, ack_deadline_s, is_exactly_once) in kept.subscriptions.items():
            topic = self._topics.get(topic_name, forgotten)
            given_topic = DELETED_TOPIC if topic is forgotten else topic_name
            subscription = self._open(name, given_topic, ack_deadline_s, is_exactly_once)
            topic.subscriptions[name] = subscription
            for number, body in kept.unacked[name].items():
                if number not in messages:
                    messages[number] = Message(body, topic.retention, holders[number], number)
                    topic.retention.unacked_bytes += len(body)
                subscription.add(messages[number], now)

    def _topic(self, name: str) -> _Topic:
        if name not in self._topics:
            raise NotFound(f"Topic not found: {name}")
        return self._topics[name]

    def _subscription(self, name: str) -> Subscription:
        if name not in self._subscriptions:
            raise NotFound(f"Subscription not found: {name}")
        return self._subscriptions[name]

    def _info(self, name: str) -> SubscriptionInfo:
        subscription = self._subscriptions[name]
        return SubscriptionInfo(name, subscription.topic, subscription.ack_deadline_s, subscription.is_exactly_once)
