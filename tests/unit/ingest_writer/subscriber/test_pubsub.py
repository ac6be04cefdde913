"""The subscription against a real server, over the real protocol."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from google import pubsub_v1 as plain
from google.cloud import pubsub_v1
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from ingest_writer.message import Message
from ingest_writer.subscriber.pubsub import PubsubSubscription
from ingest_writer.subscriber.subscription import AckIdsError, SubscriptionUnavailableError
from local_cloud.emulators.pubsub import Faults, PubsubServer
from tests._support.processes.commands import PATIENCE_S, free_port

TOPIC = "projects/test/topics/events"
NAME = "projects/test/subscriptions/writer"


class Service:
    """A server, a publisher, and the subscription under test."""

    def __init__(self, server: PubsubServer) -> None:
        self.server = server
        publisher: Any = pubsub_v1.PublisherClient()
        subscriber: Any = pubsub_v1.SubscriberClient()
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=NAME, topic=TOPIC, ack_deadline_seconds=10)
        self._publisher = publisher
        self._plain: Any = plain.PublisherClient(transport=publisher.transport)
        subscriber.close()
        self.subscription = PubsubSubscription(NAME)

    def publish(self, *data: bytes, **attributes: str) -> list[str]:
        messages = [{"data": each, "attributes": attributes} for each in data]
        return list(self._plain.publish(topic=TOPIC, messages=messages, retry=None).message_ids)

    @property
    def unacked(self) -> int:
        return self.server.broker.unacked_messages(NAME)

    def close(self) -> None:
        self.subscription.close()
        self._publisher.stop()
        self._publisher.transport.close()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with PubsubServer() as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        made = Service(server)
        yield made
        made.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await work

    asyncio.run(bounded())


async def pull_all(subscription: PubsubSubscription, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += await subscription.pull(1000)
    return messages


def test_a_pull_gives_data_attributes_id_and_time(service: Service) -> None:
    async def scenario() -> None:
        before = dt.datetime.now(dt.UTC)
        [message_id] = service.publish(b"\x00\xff", origin="test", empty="")
        [message] = await service.subscription.pull(10)
        assert (message.data, message.attributes) == (b"\x00\xff", {"origin": "test", "empty": ""})
        assert message.message_id == message_id
        published = dt.datetime.fromtimestamp(message.publish_time_us / 1e6, dt.UTC)
        assert before - dt.timedelta(seconds=1) < published < before + dt.timedelta(seconds=PATIENCE_S)

    run(scenario())


def test_an_acked_message_is_gone(service: Service) -> None:
    async def scenario() -> None:
        service.publish(b"a", b"b")
        messages = await pull_all(service.subscription, 2)
        await service.subscription.acknowledge([messages[0].ack_id])
        assert service.unacked == 1

    run(scenario())


def test_a_message_given_back_comes_again_at_once(service: Service) -> None:
    async def scenario() -> None:
        service.publish(b"a")
        [first] = await service.subscription.pull(10)
        await service.subscription.modify_ack_deadline([first.ack_id], 0)
        [second] = await service.subscription.pull(10)
        assert (second.data, second.message_id) == (first.data, first.message_id)
        assert second.ack_id != first.ack_id
        await service.subscription.modify_ack_deadline([second.ack_id], 60)
        await service.subscription.acknowledge([second.ack_id])
        assert service.unacked == 0

    run(scenario())


def test_a_pull_that_waits_is_answered_when_something_is_published(service: Service) -> None:
    async def scenario() -> None:
        waiting = asyncio.create_task(service.subscription.pull(10))
        await asyncio.sleep(0)
        service.publish(b"late")
        assert [message.data for message in await waiting] == [b"late"]

    run(scenario())


def test_a_pull_that_need_not_wait_is_answered_at_once_with_what_there_is(service: Service) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(5.0):  # the server's own wait is longer
            assert await service.subscription.pull(10, wait=False) == []
            service.publish(b"a")
            assert [message.data for message in await service.subscription.pull(10, wait=False)] == [b"a"]

    run(scenario())


def test_a_pull_that_is_cancelled_keeps_nothing_from_the_next_one(service: Service) -> None:
    async def scenario() -> None:
        waiting = asyncio.create_task(service.subscription.pull(10))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        service.publish(b"a")
        # If the cancelled pull had been in time for it, the server would take it back.
        assert [message.data for message in await service.subscription.pull(10)] == [b"a"]

    run(scenario())


def test_several_pulls_wait_at_once(service: Service) -> None:
    async def scenario() -> None:
        waiting = [asyncio.create_task(service.subscription.pull(1)) for _ in range(4)]
        service.publish(b"a", b"b", b"c", b"d")
        answers = await asyncio.gather(*waiting)
        assert sorted(message.data for answer in answers for message in answer) == [b"a", b"b", b"c", b"d"]

    run(scenario())


def test_a_response_of_more_than_4_mb_is_received(service: Service) -> None:
    async def scenario() -> None:
        # 4 MB is the limit of gRPC's receivers unless they are told otherwise.
        service.publish(b"x" * 9_000_000)
        [message] = await service.subscription.pull(10)
        assert len(message.data) == 9_000_000

    run(scenario())


def test_thousands_of_messages_are_acked_in_parts_that_a_request_can_carry(service: Service) -> None:
    async def scenario() -> None:
        # Ack ids of about 180 bytes: in one request they would be more than 512 KiB.
        for _ in range(4):
            service.publish(*[b"x"] * 1000)
        messages = await pull_all(service.subscription, 4000)
        ack_ids = [message.ack_id for message in messages]
        await service.subscription.modify_ack_deadline(ack_ids, 30)
        await service.subscription.acknowledge(ack_ids)
        assert service.unacked == 0

    run(scenario())


def test_no_acks_are_no_request(service: Service) -> None:
    async def scenario() -> None:
        await service.subscription.acknowledge([])
        await service.subscription.modify_ack_deadline([], 0)

    run(scenario())


def _calls(subscription: PubsubSubscription) -> list[Callable[[], Coroutine[Any, Any, Any]]]:
    return [
        lambda: subscription.pull(10),
        lambda: subscription.acknowledge(["a"]),
        lambda: subscription.modify_ack_deadline(["a"], 10),
    ]


def test_every_call_says_unavailable_when_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        for call in _calls(made.subscription):
            with pytest.raises(SubscriptionUnavailableError, match=f"{NAME}: UNAVAILABLE"):
                await call()

    with PubsubServer(faults=Faults(unavailable_before=1.0)) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        made = Service(server)
        run(scenario())
        made.close()


def test_every_call_says_unavailable_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        for call in _calls(subscription):
            with pytest.raises(SubscriptionUnavailableError, match="UNAVAILABLE"):
                await call()

    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    subscription = PubsubSubscription(NAME)
    run(scenario())
    subscription.close()


def test_an_idle_pull_that_takes_long_is_no_trouble_when_the_server_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_writer.subscriber.pubsub._PULL_TIMEOUT_S", 0.2)  # far below the server's wait

    async def scenario() -> None:
        assert await service.subscription.pull(10) == []

    run(scenario())


def test_a_server_that_takes_calls_and_never_answers_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_writer.subscriber.pubsub._PULL_TIMEOUT_S", 0.2)
    monkeypatch.setattr("ingest_writer.subscriber.pubsub._CALL_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{frozen.getsockname()[1]}")
        subscription = PubsubSubscription(NAME)

        async def scenario() -> None:
            with pytest.raises(SubscriptionUnavailableError):
                await subscription.pull(10)

        run(scenario())
        subscription.close()


def test_a_subscription_that_does_not_exist_is_unavailable_and_named(service: Service) -> None:
    other = PubsubSubscription("projects/test/subscriptions/other")

    async def scenario() -> None:
        with pytest.raises(SubscriptionUnavailableError, match="subscriptions/other: NOT_FOUND"):
            await other.pull(1)

    run(scenario())
    other.close()


def test_a_pull_waits_no_longer_than_the_loop_lives(service: Service) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(service.subscription.pull(10))
        await asyncio.sleep(0)
        assert not task.done()  # asyncio.run cancels it

    began = time.monotonic()
    run(scenario())
    assert time.monotonic() - began < PATIENCE_S / 2
    service.publish(b"a")
    # The answer to the old loop's call, if there is one, must not end up as an error in a thread.
    run(_pull_one(service.subscription))


async def _pull_one(subscription: PubsubSubscription) -> None:
    [message] = await subscription.pull(1)
    assert message.data == b"a"


ONCE = "projects/test/subscriptions/once"


@pytest.fixture
def once(service: Service) -> Iterator[PubsubSubscription]:
    """A subscription with exactly-once delivery."""
    service.server.broker.create_subscription(ONCE, TOPIC, 60, is_exactly_once=True)
    subscription = PubsubSubscription(ONCE)
    yield subscription
    subscription.close()


def test_an_ack_id_that_is_no_longer_valid_costs_no_other_its_ack(service: Service, once: PubsubSubscription) -> None:
    async def scenario() -> None:
        for _ in range(3):
            service.publish(*[b"x"] * 1000)
        ack_ids = [message.ack_id for message in await pull_all(once, 3000)]
        ack_ids[500] = "no longer valid"
        with pytest.raises(AckIdsError, match="1 of 3000 ack ids are lost") as caught:
            await once.acknowledge(ack_ids)
        assert caught.value.lost == {"no longer valid"}
        assert service.server.broker.unacked_messages(ONCE) == 1  # whose id was replaced
        await once.acknowledge(list(caught.value.to_retry))  # those that the answer did not name: acked already

    run(scenario())


def test_an_ack_id_that_is_no_longer_valid_costs_no_other_its_lease(service: Service, once: PubsubSubscription) -> None:
    async def scenario() -> None:
        for _ in range(3):
            service.publish(*[b"x"] * 500)
        ack_ids = [message.ack_id for message in await pull_all(once, 1500)]
        with pytest.raises(AckIdsError) as caught:
            await once.modify_ack_deadline(["bad", *ack_ids], 0)
        assert caught.value.lost == {"bad"}
        assert len(await pull_all(once, 1500)) == 1500  # all of them were given back

    run(scenario())


def test_a_thousand_lost_ack_ids_are_all_named(once: PubsubSubscription) -> None:
    async def scenario() -> None:
        bad = [f"{number:0180}" for number in range(1000)]
        with pytest.raises(AckIdsError) as caught:
            await once.acknowledge(bad)
        assert (caught.value.lost, caught.value.to_retry) == (set(bad), set())

    run(scenario())


def test_a_transient_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        with pytest.raises(SubscriptionUnavailableError):
            await subscription.acknowledge([message.ack_id for message in await pull_all(subscription, 1)])

    with PubsubServer(faults=Faults(drop_acks=1.0)) as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        made = Service(server)
        server.broker.create_subscription(ONCE, TOPIC, 60, is_exactly_once=True)
        made.publish(b"a")
        subscription = PubsubSubscription(ONCE)
        run(scenario())
        assert server.broker.unacked_messages(ONCE) == 1
        subscription.close()
        made.close()


def test_every_part_is_tried_when_one_fails(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_writer.subscriber.pubsub._ACK_IDS_A_CALL", 1)

    async def scenario() -> None:
        service.publish(b"a", b"b")
        first, second = (message.ack_id for message in await pull_all(service.subscription, 2))
        too_large = "x" * 600_000  # more than a request may have
        with pytest.raises(AckIdsError) as caught:
            await service.subscription.acknowledge([first, too_large, second])
        assert (caught.value.to_retry, caught.value.lost) == ({too_large}, set())
        assert service.unacked == 0

    run(scenario())


def failing(answers: list[dict[str, str]]) -> tuple[PubsubSubscription, list[list[str]]]:
    """A subscription whose acks are answered with these failures by ack id, one after the other, then taken."""
    subscription = PubsubSubscription(NAME)
    asked: list[list[str]] = []

    async def call(_method: object, request: Any, _timeout_s: float) -> None:
        asked.append(list(request.ack_ids))
        if answers:
            info = error_details_pb2.ErrorInfo(metadata=answers.pop(0))
            status = status_pb2.Status(code=9, details=[any_pb2.Any()])
            status.details[0].Pack(info)
            raise SubscriptionUnavailableError("some failed") from Refused(status.SerializeToString())

    subscription._call = call  # type: ignore[assignment, method-assign]
    return subscription, asked


class Refused(Exception):
    """As gRPC answers: the failures are in the trailing metadata."""

    def __init__(self, details: bytes) -> None:
        super().__init__()
        self._details = details

    def trailing_metadata(self) -> list[tuple[str, bytes]]:
        return [("grpc-status-details-bin", self._details)]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("answers", "asked", "to_retry", "lost"),
    [
        ([{"b": "TRANSIENT_FAILURE_X"}], ["abc", "ac"], "b", ""),
        ([{"b": "PERMANENT_FAILURE_INVALID_ACK_ID"}], ["abc", "ac"], "", "b"),
        ([{"a": "TRANSIENT_FAILURE_X"}, {"b": "PERMANENT_FAILURE_X"}], ["abc", "bc", "c"], "a", ""),
        ([{"a": "TRANSIENT_X"}, {"b": "TRANSIENT_X"}, {"x": "TRANSIENT_X"}], ["abc", "bc", "c"], "abc", None),
        ([{}], ["abc"], "abc", None),
    ],
    ids=[
        "one for now",
        "one for good",
        "one, and one that was taken before",
        "an answer about others",
        "none is named",
    ],
)
def test_an_answer_that_names_some_ids_costs_the_others_nothing(
    answers: list[dict[str, str]], asked: list[str], to_retry: str, lost: str | None
) -> None:
    subscription, calls = failing(answers)

    async def scenario() -> None:
        with pytest.raises(SubscriptionUnavailableError) as caught:
            await subscription.acknowledge(list("abc"))
        if lost is None:
            assert not isinstance(caught.value, AckIdsError)  # nothing is known of any
        else:
            assert isinstance(caught.value, AckIdsError)
            assert (caught.value.to_retry, caught.value.lost) == (set(to_retry), set(lost))

    run(scenario())
    assert list(map("".join, calls)) == asked
    subscription.close()
