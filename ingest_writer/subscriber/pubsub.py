"""A Google Pub/Sub subscription. The only file that knows google.cloud.pubsub.

Calls go over the official client's own channel (its credentials, its emulator handling), with the raw
protobuf classes: the client's wrappers cost ten times what the receiving itself costs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import google.auth.exceptions
import grpc
from google.cloud import pubsub_v1
from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from ingest_writer.message import Message
from ingest_writer.subscriber.subscription import AckIdsError, SubscriptionUnavailableError
from lakehouse.environment import PUBSUB_EMULATOR, emulator, no_credentials_error, no_emulator_error

_PULL_TIMEOUT_S: Final = 60.0  # the server answers an empty pull well before
_CALL_TIMEOUT_S: Final = 10.0  # ack and lease calls; a lost one only means a redelivery
_TRANSIENT: Final = "TRANSIENT_"  # how an ack id's failure begins that may pass
_TRIES_WITHOUT_NAMED: Final = 3  # an answer names all that failed; a second one may find more
_CHECK_TIMEOUT_S: Final = 3.0  # at a start: an emulator is near
_ACK_IDS_A_CALL: Final = 1000  # of about 200 bytes; a request may have 512 KiB

_CHANNEL_OPTIONS: Final = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_metadata_size", 4 << 20),  # the failures of a thousand ack ids; the client has the same for the service
]

_SAID_BY_PUBSUB: Final = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
)
"""What only somebody who speaks the protocol answers when asked for a subscription."""


class PubsubSubscription:
    """The subscription `projects/P/subscriptions/S`."""

    def __init__(self, name: str) -> None:
        self._name = name
        types = pubsub_v1.types
        self._pull_request = types.PullRequest.pb()
        self._ack_request = types.AcknowledgeRequest.pb()
        self._modify_request = types.ModifyAckDeadlineRequest.pb()
        self._channel = channel = _channel(name)
        self._pull = _method(channel, "Pull", self._pull_request, types.PullResponse.pb())
        self._ack = _method(channel, "Acknowledge", self._ack_request, empty_pb2.Empty)
        self._modify = _method(channel, "ModifyAckDeadline", self._modify_request, empty_pb2.Empty)
        self._metadata = (("x-goog-request-params", f"subscription={quote(name, safe='')}"),)

    def check(self) -> None:
        """One call, at a start. Raises ConfigError when there is no emulator where it should be.

        The service itself is not asked: a subscriber need not have the permission. Who takes connections and does not
        answer may have a reason that passes.
        """
        if emulator(PUBSUB_EMULATOR) is None:
            return
        types = pubsub_v1.types
        get = _method(self._channel, "GetSubscription", types.GetSubscriptionRequest.pb(), types.Subscription.pb())
        try:
            get(types.GetSubscriptionRequest.pb()(subscription=self._name), timeout=_CHECK_TIMEOUT_S)
        except grpc.RpcError as error:
            if _status(error) not in (*_SAID_BY_PUBSUB, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise no_emulator_error(PUBSUB_EMULATOR, "Pub/Sub", _why(error)) from error

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        request = self._pull_request(subscription=self._name, max_messages=max_messages, return_immediately=not wait)
        try:
            response = await self._call(self._pull, request, _PULL_TIMEOUT_S if wait else _CALL_TIMEOUT_S)
        except SubscriptionUnavailableError as error:
            if wait and _code(error) is grpc.StatusCode.DEADLINE_EXCEEDED:
                return await self.pull(max_messages, wait=False)  # idle, or frozen: only an answer tells which
            raise
        return [_message(received) for received in response.received_messages]

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        async def part(some: Sequence[str]) -> None:
            await self._call(self._ack, self._ack_request(subscription=self._name, ack_ids=some), _CALL_TIMEOUT_S)

        await _in_parts(ack_ids, part)

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        async def part(some: Sequence[str]) -> None:
            request = self._modify_request(subscription=self._name, ack_ids=some, ack_deadline_seconds=seconds)
            await self._call(self._modify, request, _CALL_TIMEOUT_S)

        await _in_parts(ack_ids, part)

    def close(self) -> None:
        """Ends the channel; calls in flight fail."""
        self._channel.close()

    async def _call(self, method: Any, request: Any, timeout_s: float) -> Any:
        """Awaits a call of the threaded channel; cancelling the await cancels the call."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        call = method.future(request, timeout=timeout_s, metadata=self._metadata)
        call.add_done_callback(lambda _: _wake(loop, done))
        try:
            await done
            return call.result()
        except grpc.RpcError as error:
            raise SubscriptionUnavailableError(f"{self._name}: {_why(error)}") from error
        except grpc.FutureCancelledError as error:
            raise SubscriptionUnavailableError(f"{self._name}: the call was cancelled") from error
        finally:
            call.cancel()


def _channel(name: str) -> grpc.Channel:
    """The client's channel to the service, or one to an emulator, where the client would take only 4 MB."""
    if host := emulator(PUBSUB_EMULATOR):
        return grpc.insecure_channel(host, options=_CHANNEL_OPTIONS)
    try:
        channel: grpc.Channel = pubsub_v1.SubscriberClient().transport.grpc_channel
    except (google.auth.exceptions.GoogleAuthError, ValueError, OSError) as error:  # OSError: the key file is a folder
        raise no_credentials_error(name, PUBSUB_EMULATOR, error) from error
    return channel


def _wake(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    def settle() -> None:
        if not done.done():
            done.set_result(None)

    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
        loop.call_soon_threadsafe(settle)


def _method(channel: grpc.Channel, name: str, request: Any, response: Any) -> Any:
    return channel.unary_unary(
        f"/google.pubsub.v1.Subscriber/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


def _message(received: Any) -> Message:
    message = received.message
    time = message.publish_time
    return Message(
        received.ack_id,
        message.data,
        dict(message.attributes) if message.attributes else {},
        message.message_id,
        time.seconds * 1_000_000 + time.nanos // 1000,
    )


async def _in_parts(ack_ids: Sequence[str], call: Callable[[Sequence[str]], Awaitable[None]]) -> None:
    """Tries every part, whatever becomes of the others. Raises AckIdsError when some ids were taken, or lost."""
    outcomes = await asyncio.gather(*(_part(some, call) for some in _parts(ack_ids)))
    reasons = [outcome.why for outcome in outcomes if outcome.why is not None]
    if not reasons:
        return
    to_retry = set[str]().union(*(outcome.to_retry for outcome in outcomes))
    lost = set[str]().union(*(outcome.lost for outcome in outcomes))
    if len(to_retry) == len(ack_ids):
        raise reasons[0]
    message = f"{len(lost)} of {len(ack_ids)} ack ids are lost, {len(to_retry)} remain: {reasons[0]}"
    raise AckIdsError(message, to_retry, lost)


class _Outcome(NamedTuple):
    """Of the ack ids of one part: those that may be taken later, those that are lost, and the last error."""

    to_retry: Set[str]
    lost: Set[str]
    why: SubscriptionUnavailableError | None


async def _part(ack_ids: Sequence[str], call: Callable[[Sequence[str]], Awaitable[None]]) -> _Outcome:
    """Calls again without the ids that an answer names: a failure of some may have kept the others from being taken.

    They may have been taken, too. An id that is lost only when it is asked again was: the first answer would have
    named it.
    """
    left = list(ack_ids)
    lost: set[str] = set()
    to_retry: set[str] = set()
    why = None
    for _ in range(_TRIES_WITHOUT_NAMED):
        try:
            await call(left)
        except SubscriptionUnavailableError as error:
            why = error
            failures = _failures(error)
            named = {each for each in left if each in failures}
            transient = {each for each in named if failures[each].startswith(_TRANSIENT)}
            to_retry |= transient
            if len(left) == len(ack_ids):
                lost = named - transient
            left = [each for each in left if each not in named]
            if not named or not left:
                break
        else:
            left = []
            break
    return _Outcome(to_retry.union(left), lost, why)


def _failures(error: SubscriptionUnavailableError) -> Mapping[str, str]:
    """By ack id, as a subscription with exactly-once delivery answers; empty when nothing was said of single ids."""
    trailing = getattr(error.__cause__, "trailing_metadata", None)
    found: dict[str, str] = {}
    for key, value in (trailing() or ()) if callable(trailing) else ():
        if key == "grpc-status-details-bin":
            with contextlib.suppress(DecodeError):
                for detail in status_pb2.Status.FromString(value).details:
                    info = error_details_pb2.ErrorInfo()
                    if detail.Unpack(info):
                        found.update(info.metadata)
    return found


def _parts(ack_ids: Sequence[str]) -> list[Sequence[str]]:
    return [ack_ids[i : i + _ACK_IDS_A_CALL] for i in range(0, len(ack_ids), _ACK_IDS_A_CALL)]


def _code(error: SubscriptionUnavailableError) -> object:
    return _status(error.__cause__)


def _status(error: object) -> object:
    code = getattr(error, "code", None)
    return code() if callable(code) else None


def _why(error: grpc.RpcError) -> str:
    code = getattr(error, "code", lambda: None)()
    details = getattr(error, "details", lambda: "")()
    return f"{getattr(code, 'name', code)}: {details}"[:300]
