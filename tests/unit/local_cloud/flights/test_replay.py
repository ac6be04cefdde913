"""The replay publishes exactly the events of the flights, and says so when it cannot."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import NotFound

from local_cloud.flights import replay as command
from local_cloud.flights.events import events
from local_cloud.flights.replay import replay
from tests._support.servers.pubsub import SUBSCRIPTION, TOPIC, FaultyPubsub, PubsubBench
from tests._support.waiting import is_listening


def received_lines(pubsub: PubsubBench) -> list[bytes]:
    lines: list[bytes] = []
    while received := pubsub.pull():
        lines.extend(line for each in received for line in each.message.data.split(b"\n"))
        pubsub.ack(*received)
    return lines


def test_a_subscriber_receives_exactly_the_events(pubsub: PubsubBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--limit", "400", "--topic", TOPIC, "--events-per-message", "7"]) == 0
    expected = list(events(400))
    assert sorted(received_lines(pubsub)) == sorted(expected)
    printed = re.fullmatch(
        r"replayed ([\d,]+) events in ([\d,]+) messages, [\d.]+ s, [\d,]+ events/s\n", capsys.readouterr().out
    )
    assert printed is not None
    assert int(printed[1].replace(",", "")) == len(expected)
    assert int(printed[2].replace(",", "")) == -(-len(expected) // 7)


def test_a_message_has_one_event_a_line(pubsub: PubsubBench) -> None:
    report = replay(events(10), TOPIC, events_per_message=4)
    bodies = sorted((each.message for each in pubsub.pull()), key=lambda message: int(message.message_id))
    assert [len(message.data.splitlines()) for message in bodies] == [4] * (report.events // 4) + (
        [report.events % 4] if report.events % 4 else []
    )
    assert all(isinstance(json.loads(line), dict) for message in bodies for line in message.data.splitlines())
    assert len(bodies) == report.messages


def test_every_event_is_reported_as_progress(pubsub: PubsubBench) -> None:
    advanced: list[int] = []
    report = replay(events(50), TOPIC, on_published=advanced.append)
    assert sum(advanced) == report.events == len(received_lines(pubsub))


def test_a_rate_is_kept_in_small_messages(pubsub: PubsubBench) -> None:
    report = replay(events(20), TOPIC, events_per_s=200.0)
    assert report.seconds >= (report.events - 20) / 200.0
    assert report.messages >= report.events / 20
    assert len(received_lines(pubsub)) == report.events


def test_a_missing_topic_is_raised(pubsub: PubsubBench) -> None:
    with pytest.raises(NotFound):
        replay(events(5), "projects/test/topics/missing")


def test_a_missing_topic_ends_the_command_with_an_error(
    pubsub: PubsubBench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--limit", "5", "--topic", "projects/test/topics/missing"]) == 1
    assert "Topic not found: projects/test/topics/missing" in capsys.readouterr().err


def test_a_server_that_is_not_there_ends_the_command_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not is_listening(1)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    started = time.monotonic()
    assert command.main(["--limit", "5"]) == 1
    assert time.monotonic() - started < 5
    assert "python -m local_cloud up" in capsys.readouterr().err


def test_nothing_is_lost_when_calls_fail(faulty_pubsub: FaultyPubsub) -> None:
    pubsub = faulty_pubsub(unavailable_before=0.3, seed=1)
    replay(events(40), TOPIC, events_per_message=1)
    deliveries: list[Any] = []
    while batch := pubsub.server.broker.receive(SUBSCRIPTION, 1000, wait_s=0):
        deliveries.extend(batch)
    assert len(deliveries) == len(list(events(40)))


@pytest.mark.parametrize("topic", ["bogus", "", "projects/p", "projects/p/topics/", "projects/p/subscriptions/s"])
@pytest.mark.parametrize("is_option", [True, False])
def test_a_topic_is_named_in_full(
    topic: str, is_option: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    if not is_option:
        monkeypatch.setenv("PUBSUB_TOPIC", topic)
    with pytest.raises(SystemExit) as ended:
        command.main([f"--topic={topic}"] if is_option else [])
    assert ended.value.code == 2
    assert f"is {topic!r}; it takes projects/PROJECT/topics/NAME" in capsys.readouterr().err


def test_a_topic_of_the_real_cloud_without_credentials_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    assert command.main(["--limit", "1", "--topic", "projects/p/topics/t"]) == 1
    assert "replay: projects/p/topics/t is not local, PUBSUB_EMULATOR_HOST is not set" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "abc", "nan"])
@pytest.mark.parametrize("option", ["--limit", "--rate", "--events-per-message"])
def test_amounts_must_be_positive(option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main([f"{option}={text}"])
    assert "must be positive" in capsys.readouterr().err
