"""The Pub/Sub server: the two services on a port of this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from google import pubsub_v1
from google.rpc import error_details_pb2, status_pb2

from local_cloud.emulators.pubsub.broker import DEFAULT_MAX_UNACKED_BYTES, Broker
from local_cloud.emulators.pubsub.clock import Clock
from local_cloud.emulators.pubsub.errors import AckIdsFailed, PubsubError, Unavailable
from local_cloud.emulators.pubsub.faults import Dice, Faults
from local_cloud.emulators.pubsub.journal import Journal
from local_cloud.emulators.pubsub.service import Context, PublisherService, SubscriberService
from local_cloud.emulators.pubsub.streaming import streaming_pull

_Method = Callable[[Any, Context], Any]

# Every open stream and every waiting pull keeps a thread. They are only started when needed.
_MAX_THREADS = 256

_OPTIONS = [
    # Two servers on one port would silently share its calls.
    ("grpc.so_reuseport", 0),
    # Room for a request that is too large, so that it is refused as the real service refuses it.
    ("grpc.max_receive_message_length", 40_000_000),
]


class PortTaken(Exception):
    """Another process listens there: stop it, or choose another port."""


class PubsubServer:
    """`with PubsubServer(port=0) as server:` serves at `server.address` until the block ends.

    Messages are in memory, or in the file `data`, where the next server finds them, even after a
    kill.
    """

    def __init__(
        self,
        port: int = 0,
        faults: Faults = Faults(),  # noqa: B008 - frozen
        clock: Clock = Clock(),  # noqa: B008 - frozen
        max_unacked_bytes: int = DEFAULT_MAX_UNACKED_BYTES,
        data: Path | None = None,
    ) -> None:
        dice = Dice(faults)
        self._journal = None if data is None else Journal(data)
        self.broker = Broker(clock, dice, max_unacked_bytes, self._journal)
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="pubsub")
        self._server = grpc.server(self._threads, options=_OPTIONS)
        self._server.add_generic_rpc_handlers(_handlers(self.broker, clock, dice))
        try:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        except RuntimeError as error:
            self._threads.shutdown()
            self._close_journal()
            raise PortTaken(f"127.0.0.1:{port} is taken; the Pub/Sub server needs another port") from error

    @property
    def address(self) -> str:
        """The value for PUBSUB_EMULATOR_HOST."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server.start()

    def stop(self, grace_s: float = 1.0) -> None:
        """Ends streams and waiting pulls at once, gives other calls `grace_s` to finish."""
        self.broker.close()
        self._server.stop(grace_s).wait()
        self._threads.shutdown()
        self._close_journal()

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> PubsubServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _handlers(broker: Broker, clock: Clock, dice: Dice) -> tuple[grpc.GenericRpcHandler, ...]:
    publisher, subscriber = PublisherService(broker, clock, dice), SubscriberService(broker)
    admin = functools.partial(_unary, None)
    # Only the calls that carry messages meet faults: creating and deleting is set-up, and a retried
    # create would fail with ALREADY_EXISTS.
    data = functools.partial(_unary, dice)
    publishing = {
        "CreateTopic": admin(publisher.create_topic, pubsub_v1.Topic),
        "GetTopic": admin(publisher.get_topic, pubsub_v1.GetTopicRequest),
        "ListTopics": admin(publisher.list_topics, pubsub_v1.ListTopicsRequest),
        "ListTopicSubscriptions": admin(publisher.list_topic_subscriptions, pubsub_v1.ListTopicSubscriptionsRequest),
        "DeleteTopic": admin(publisher.delete_topic, pubsub_v1.DeleteTopicRequest),
        "Publish": data(publisher.publish, pubsub_v1.PublishRequest),
    }
    subscribing = {
        "CreateSubscription": admin(subscriber.create_subscription, pubsub_v1.Subscription),
        "GetSubscription": admin(subscriber.get_subscription, pubsub_v1.GetSubscriptionRequest),
        "ListSubscriptions": admin(subscriber.list_subscriptions, pubsub_v1.ListSubscriptionsRequest),
        "DeleteSubscription": admin(subscriber.delete_subscription, pubsub_v1.DeleteSubscriptionRequest),
        "Pull": data(subscriber.pull, pubsub_v1.PullRequest),
        "StreamingPull": _streaming(broker, dice),
        "Acknowledge": data(subscriber.acknowledge, pubsub_v1.AcknowledgeRequest),
        "ModifyAckDeadline": data(subscriber.modify_ack_deadline, pubsub_v1.ModifyAckDeadlineRequest),
    }
    return (
        grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", publishing),
        grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", subscribing),
    )


def _serialize(message: Any) -> bytes:
    body: bytes = message.SerializeToString()
    return body


def _unary(dice: Dice | None, method: _Method, request_class: Any) -> grpc.RpcMethodHandler[Any, Any]:
    def handle(request: Any, context: Context) -> Any:
        try:
            if dice is not None and dice.hits("unavailable_before"):
                raise Unavailable("fault: not carried out")
            response = method(request, context)
            if dice is not None and dice.hits("unavailable_after"):
                raise Unavailable("fault: carried out")
        except AckIdsFailed as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
            context.abort(error.code, str(error))
        except PubsubError as error:
            context.abort(error.code, str(error))
        return response

    return grpc.unary_unary_rpc_method_handler(handle, request_class.pb().FromString, _serialize)


def _details(error: AckIdsFailed) -> bytes:
    """The answer for each ack id, where clients look for it."""
    info = error_details_pb2.ErrorInfo(
        reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=error.failures
    )
    status = status_pb2.Status(code=error.code.value[0], message=str(error))
    status.details.add().Pack(info)
    body: bytes = status.SerializeToString()
    return body


def _streaming(broker: Broker, dice: Dice) -> grpc.RpcMethodHandler[Any, Any]:
    def handle(requests: Iterator[Any], context: Context) -> Iterator[Any]:
        try:
            if dice.hits("unavailable_before"):
                raise Unavailable("fault: not opened")
            yield from streaming_pull(broker, dice, requests, context)
        except PubsubError as error:
            context.abort(error.code, str(error))

    request_class: Any = pubsub_v1.StreamingPullRequest.pb()
    return grpc.stream_stream_rpc_method_handler(handle, request_class.FromString, _serialize)
