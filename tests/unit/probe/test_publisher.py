"""Publishing to the topic: an id once it is stored, an error that names the topic otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.emulators.pubsub import Faults
from probe.errors import ConfigError, ProbeFailedError
from probe.publisher import Publisher
from tests._support.servers.pubsub import TOPIC, PubsubBench, pubsub_bench


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubBench]:
    with pubsub_bench(monkeypatch, Faults()) as bench:
        yield bench


def test_a_message_is_stored_as_it_is_under_the_id_that_is_returned(pubsub: PubsubBench) -> None:
    with Publisher(TOPIC) as publisher:
        message_id = publisher.publish(b"an event")
    (received,) = pubsub.pull()
    assert (received.message.data, received.message.message_id) == (b"an event", message_id)


@pytest.mark.usefixtures("pubsub")
def test_a_topic_that_is_not_there_is_an_error_that_names_it() -> None:
    with (
        Publisher("projects/test/topics/none") as publisher,
        pytest.raises(ProbeFailedError, match="expected projects/test/topics/none to take a message; saw NotFound"),
    ):
        publisher.publish(b"an event")


def test_a_machine_without_credentials_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
    with pytest.raises(ConfigError, match="needs Google credentials"):
        Publisher(TOPIC)
