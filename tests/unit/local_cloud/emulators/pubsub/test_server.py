"""The server around the services: its port, its file, its end, and which calls meet faults."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable

from local_cloud.emulators.pubsub import PortTaken, PubsubServer
from tests._support.servers.pubsub import SUBSCRIPTION, TOPIC, FaultyPubsub, PubsubBench
from tests._support.waiting import PATIENCE_S, is_listening


def test_a_second_server_on_the_port_is_refused(pubsub: PubsubBench) -> None:
    with pytest.raises(PortTaken, match=str(pubsub.server.port)):
        PubsubServer(pubsub.server.port)


def test_a_server_that_got_no_port_leaves_its_file_to_the_next(pubsub: PubsubBench, tmp_path: Path) -> None:
    with pytest.raises(PortTaken):
        PubsubServer(pubsub.server.port, data=tmp_path / "journal")
    with PubsubServer(data=tmp_path / "journal") as server:
        assert is_listening(server.port)


def test_nobody_listens_at_the_address_once_the_block_has_ended() -> None:
    with PubsubServer() as server:
        assert server.address == f"127.0.0.1:{server.port}"
        assert is_listening(server.port)
    assert not is_listening(server.port)


def test_only_calls_that_carry_messages_meet_faults(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(unavailable_before=1.0)  # the bench has created its topic and its subscription
    assert pubsub.publisher.get_topic(topic=TOPIC).name == TOPIC
    with pytest.raises(ServiceUnavailable, match="fault: not carried out"):
        pubsub.publish(b"x")
    with pytest.raises(ServiceUnavailable, match="fault: not carried out"):
        pubsub.pull()


def test_stopping_the_server_ends_a_waiting_pull(pubsub: PubsubBench) -> None:
    ended = threading.Event()

    def pull() -> None:
        with pytest.raises(GoogleAPICallError):
            pubsub.subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, retry=None)
        ended.set()

    threading.Thread(target=pull).start()
    pubsub.server.stop()
    assert ended.wait(PATIENCE_S)
