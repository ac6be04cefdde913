"""A Pub/Sub server with a file: killed at any moment, the next one has all that was answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1

from local_cloud.emulators.pubsub import Faults
from local_cloud.emulators.pubsub.broker import DELETED_TOPIC, Broker
from local_cloud.emulators.pubsub.errors import NotFound, ResourceExhausted
from local_cloud.emulators.pubsub.faults import Dice
from local_cloud.emulators.pubsub.journal import Journal, JournalUnusable
from tests._support.servers.pubsub import ACK_DEADLINE_S, SUBSCRIPTION, TOPIC, FakeClock
from tests._support.waiting import PATIENCE_S


def opened(path: Path, max_unacked_bytes: int = 1000) -> tuple[Broker, Journal]:
    journal = Journal(path)
    return Broker(FakeClock().clock(), Dice(Faults()), max_unacked_bytes, journal), journal


def take(broker: Broker, subscription: str = "a") -> dict[bytes, str]:
    return {each.body: each.ack_id for each in broker.receive(subscription, 100, wait_s=0)}


def test_what_was_published_and_not_acked_is_there_again_and_nothing_else(tmp_path: Path) -> None:
    broker, journal = opened(tmp_path / "journal")
    broker.create_topic("topic")
    broker.create_subscription("a", "topic", 10)
    broker.create_subscription("b", "topic", 20)
    broker.publish("topic", [b"1", b"2"])
    broker.acknowledge("a", [take(broker)[b"1"]])
    broker.publish("topic", [b"3"])
    journal.close()
    broker, journal = opened(tmp_path / "journal")
    assert (broker.topics(), broker.subscription("b").ack_deadline_s) == (["topic"], 20)
    assert broker.unacked_bytes("topic") == 3
    assert [list(take(broker, name)) for name in ("a", "b")] == [[b"2", b"3"], [b"1", b"2", b"3"]]
    broker.publish("topic", [b"4"])
    broker.acknowledge("a", take(broker).values())
    journal.close()
    broker, journal = opened(tmp_path / "journal")
    assert [list(take(broker, name)) for name in ("a", "b")] == [[b"2", b"3"], [b"1", b"2", b"3", b"4"]]
    journal.close()


def test_deleted_topics_and_subscriptions_stay_deleted(tmp_path: Path) -> None:
    broker, journal = opened(tmp_path / "journal")
    broker.create_topic("topic")
    for name in ("a", "b"):
        broker.create_subscription(name, "topic", 10)
    broker.publish("topic", [b"1"])
    broker.delete_subscription("b")
    broker.delete_topic("topic")
    journal.close()
    broker, journal = opened(tmp_path / "journal")
    assert broker.topics() == []
    assert broker.subscription("a").topic == DELETED_TOPIC
    assert list(take(broker)) == [b"1"]
    with pytest.raises(NotFound):
        broker.subscription("b")
    journal.close()


def test_a_line_that_was_cut_off_was_never_said(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    broker, journal = opened(path)
    broker.create_topic("topic")
    broker.create_subscription("a", "topic", 10)
    broker.publish("topic", [b"1"])
    size = path.stat().st_size
    broker.publish("topic", [b"2"])
    journal.close()
    whole = path.read_bytes()
    for end in range(size, len(whole)):
        path.write_bytes(whole[:end])
        broker, journal = opened(path)
        assert list(take(broker)) == [b"1"], end
        broker.publish("topic", [b"3"])
        journal.close()
        broker, journal = opened(path)
        assert list(take(broker)) == [b"1", b"3"], end
        journal.close()


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for text in ('["nonsense", 1]\n', "nonsense\n", '["ack", "nobody", [1]]\n'):
        path.write_text(text)
        with pytest.raises(JournalUnusable, match="not a journal of this server"):
            Journal(path)
        assert path.read_text() == text


def test_one_file_belongs_to_one_server(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    with pytest.raises(JournalUnusable, match="another server"):
        Journal(tmp_path / "journal")
    journal.close()
    Journal(tmp_path / "journal").close()


def test_a_full_journal_refuses_messages_and_still_takes_acks(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", max_bytes=150)
    broker = Broker(FakeClock().clock(), Dice(Faults()), 1000, journal)
    broker.create_topic("topic")
    broker.create_subscription("a", "topic", 10)
    broker.publish("topic", [b"1" * 100])
    with pytest.raises(ResourceExhausted, match="the limit is 150"):
        broker.publish("topic", [b"2"])
    broker.acknowledge("a", take(broker).values())
    assert broker.unacked_messages("a") == 0
    journal.close()


def test_a_killed_server_loses_nothing_that_it_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "local_cloud.emulators.pubsub", "--port=0", f"--data={tmp_path}/journal"]
    received = []
    for number in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                address = process.stdout.readline().rstrip("\n").removeprefix("export PUBSUB_EMULATOR_HOST=")
                monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
                received.append(_talk(is_new=number == 0))
            finally:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(PATIENCE_S)
    assert received == [{b"a", b"b"}, {b"b"}]


def _talk(*, is_new: bool) -> set[bytes]:
    """Everything that is there; a new server gets two messages, of which `a` is acked."""
    publisher: Any = pubsub_v1.PublisherClient()
    with pubsub_v1.SubscriberClient() as subscriber:
        if is_new:
            publisher.create_topic(name=TOPIC)
            subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=ACK_DEADLINE_S)
            for each in [publisher.publish(TOPIC, data) for data in (b"a", b"b")]:
                each.result(PATIENCE_S)
        messages = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10).received_messages
        acked = [each.ack_id for each in messages if each.message.data == b"a"]
        if acked:
            subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=acked)
    publisher.stop()
    publisher.transport.close()
    return {each.message.data for each in messages}
