"""The gRPC services google.pubsub.v1 Publisher and Subscriber, on top of the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google import pubsub_v1
from google.protobuf import empty_pb2

from local_cloud.emulators.pubsub.broker import Broker, SubscriptionInfo
from local_cloud.emulators.pubsub.clock import Clock
from local_cloud.emulators.pubsub.errors import AckIdsFailed, InvalidArgument
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.requests import (
    check_ack_request,
    check_name,
    check_new_deadline,
    check_publish,
    check_subscription,
)
from local_cloud.emulators.pubsub.streaming import fill

Context = grpc.ServicerContext

# Raw protobuf classes: proto-plus around every message would cost most of the time.
_Topic: Any = pubsub_v1.Topic.pb()
_Subscription: Any = pubsub_v1.Subscription.pb()
_PublishResponse: Any = pubsub_v1.PublishResponse.pb()
_PullResponse: Any = pubsub_v1.PullResponse.pb()
_ListTopicsResponse: Any = pubsub_v1.ListTopicsResponse.pb()
_ListTopicSubscriptionsResponse: Any = pubsub_v1.ListTopicSubscriptionsResponse.pb()
_ListSubscriptionsResponse: Any = pubsub_v1.ListSubscriptionsResponse.pb()

# An idle pull answers empty after this: shorter than the 60 s after which the official client gives up.
PULL_WAIT_S = 20.0
_MAX_PULL_MESSAGES = 1000
_DEFAULT_PAGE_SIZE = 1000


class PublisherService:
    def __init__(self, broker: Broker, clock: Clock, dice: Dice) -> None:
        self._broker = broker
        self._clock = clock
        self._dice = dice

    def create_topic(self, request: Any, _: Context) -> Any:
        check_name(request.name, "topics")
        self._broker.create_topic(request.name)
        return _Topic(name=request.name)

    def get_topic(self, request: Any, _: Context) -> Any:
        self._broker.subscriptions_of(request.topic)
        return _Topic(name=request.topic)

    def list_topics(self, request: Any, _: Context) -> Any:
        names, next_page_token = _page(_of_project(self._broker.topics(), request.project), request)
        return _ListTopicsResponse(topics=[_Topic(name=name) for name in names], next_page_token=next_page_token)

    def list_topic_subscriptions(self, request: Any, _: Context) -> Any:
        names, next_page_token = _page(self._broker.subscriptions_of(request.topic), request)
        return _ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=next_page_token)

    def delete_topic(self, request: Any, _: Context) -> Any:
        self._broker.delete_topic(request.topic)
        return empty_pb2.Empty()

    def publish(self, request: Any, _: Context) -> Any:
        check_publish(request)
        duplicates = [message for message in request.messages if self._dice.hits("duplicate")]
        messages = [*request.messages, *duplicates]
        message_ids = self._broker.reserve_message_ids(len(messages))
        published_ns = self._clock.wall_ns()
        bodies = []
        for message, message_id in zip(messages, message_ids, strict=True):
            message.message_id = str(message_id)
            message.publish_time.FromNanoseconds(published_ns)
            bodies.append(message.SerializeToString())
        self._broker.publish(request.topic, bodies)
        return _PublishResponse(message_ids=map(str, message_ids[: len(request.messages)]))


class SubscriberService:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def create_subscription(self, request: Any, _: Context) -> Any:
        ack_deadline_s = check_subscription(request)
        is_exactly_once = bool(request.enable_exactly_once_delivery)
        return _subscription(
            self._broker.create_subscription(
                request.name, request.topic, ack_deadline_s, is_exactly_once=is_exactly_once
            )
        )

    def get_subscription(self, request: Any, _: Context) -> Any:
        return _subscription(self._broker.subscription(request.subscription))

    def list_subscriptions(self, request: Any, _: Context) -> Any:
        infos = {info.name: info for info in self._broker.subscriptions()}
        names, next_page_token = _page(_of_project(list(infos), request.project), request)
        return _ListSubscriptionsResponse(
            subscriptions=[_subscription(infos[name]) for name in names], next_page_token=next_page_token
        )

    def delete_subscription(self, request: Any, _: Context) -> Any:
        self._broker.delete_subscription(request.subscription)
        return empty_pb2.Empty()

    def pull(self, request: Any, context: Context) -> Any:
        if request.max_messages <= 0:
            raise InvalidArgument(f"max_messages must be positive, not {request.max_messages}")
        # Without this, a message would be leased to a caller who has gone.
        context.add_callback(self._broker.wake)
        deliveries = self._broker.receive(
            request.subscription,
            min(request.max_messages, _MAX_PULL_MESSAGES),
            wait_s=0.0 if request.return_immediately else PULL_WAIT_S,
            wanted=context.is_active,
        )
        if not context.is_active():
            self._broker.modify_deadlines(request.subscription, [(each.ack_id, 0) for each in deliveries])
        return fill(_PullResponse(), deliveries)

    def acknowledge(self, request: Any, _: Context) -> Any:
        check_ack_request(request)
        if failures := self._broker.acknowledge(request.subscription, request.ack_ids):
            raise AckIdsFailed(failures)
        return empty_pb2.Empty()

    def modify_ack_deadline(self, request: Any, _: Context) -> Any:
        check_ack_request(request)
        check_new_deadline(request.ack_deadline_seconds)
        deadlines = [(ack_id, request.ack_deadline_seconds) for ack_id in request.ack_ids]
        if failures := self._broker.modify_deadlines(request.subscription, deadlines):
            raise AckIdsFailed(failures)
        return empty_pb2.Empty()


def _subscription(info: SubscriptionInfo) -> Any:
    return _Subscription(
        name=info.name,
        topic=info.topic,
        ack_deadline_seconds=info.ack_deadline_s,
        enable_exactly_once_delivery=info.is_exactly_once,
        state=pubsub_v1.Subscription.State.ACTIVE,
    )


def _of_project(names: Sequence[str], project: str) -> list[str]:
    return [name for name in names if name.startswith(f"{project}/")]


def _page(names: Sequence[str], request: Any) -> tuple[list[str], str]:
    """The names after the token, which is the last name of the page before."""
    rest = [name for name in names if name > request.page_token]
    page = rest[: request.page_size or _DEFAULT_PAGE_SIZE]
    return page, page[-1] if len(page) < len(rest) else ""
