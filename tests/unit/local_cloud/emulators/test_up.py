"""`up` as a user starts it: a process that prints settings and serves until it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1

from local_cloud import __main__
from local_cloud.emulators import up
from local_cloud.emulators.pubsub import Faults, PubsubServer
from tests._support.waiting import PATIENCE_S, is_listening

COMMAND = [sys.executable, "-m", "local_cloud", "up", "--pubsub-port", "0", "--gcs-port", "0"]


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def exports(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(6)]


def evaluated(lines: list[str]) -> dict[str, str]:
    """What a shell has in its environment after `eval`."""
    output = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; env', "sh", "\n".join(lines)],
        env={},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(line.split("=", 1) for line in output.splitlines())


def children(pid: int) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], check=True, capture_output=True, text=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [child for parent, child in pairs if parent == str(pid)]


def exists(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def test_the_lines_lead_the_official_clients_to_the_topic_and_its_subscription(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running() as process:
        environment = evaluated(exports(process))
        assert environment["LAKE_URL"] == "gs://flights-lake"
        assert environment["GOOGLE_CLOUD_PROJECT"] == "local"
        assert environment["PUBSUB_TOPIC"] == "projects/local/topics/flights"
        assert environment["PUBSUB_SUBSCRIPTION"] == "projects/local/subscriptions/flights-writer"
        assert is_listening(int(environment["STORAGE_EMULATOR_HOST"].removeprefix("http://127.0.0.1:")))
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", environment["PUBSUB_EMULATOR_HOST"])
        publisher: Any = pubsub_v1.PublisherClient()
        publisher.publish(environment["PUBSUB_TOPIC"], b"hello").result(PATIENCE_S)
        publisher.stop()
        publisher.transport.close()
        with pubsub_v1.SubscriberClient() as subscriber:
            name = environment["PUBSUB_SUBSCRIPTION"]
            assert subscriber.get_subscription(subscription=name).ack_deadline_seconds == 60
            response = subscriber.pull(subscription=name, max_messages=1)
            assert response.received_messages[0].message.data == b"hello"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_exits_with_0_when_told_to_stop_and_leaves_no_process(stop: signal.Signals) -> None:
    with running() as process:
        exports(process)
        started = children(process.pid)
        assert started
        process.send_signal(stop)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, stderr
        assert stdout == ""
        assert "serving until" in stderr
        assert [pid for pid in started if exists(pid)] == []


def test_it_notices_when_the_gcs_server_dies() -> None:
    with running() as process:
        port = int(evaluated(exports(process))["STORAGE_EMULATOR_HOST"].rpartition(":")[2])
        (server,) = [pid for pid in children(process.pid) if f"-port {port}" in command_line(pid)]
        os.kill(int(server), signal.SIGKILL)
        _, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        assert "the GCS server exited" in stderr


def command_line(pid: str) -> str:
    return subprocess.run(["ps", "-ww", "-o", "args=", "-p", pid], check=False, capture_output=True, text=True).stdout


def test_a_taken_pubsub_port_ends_it_with_a_message(capfd: pytest.CaptureFixture[str]) -> None:
    with PubsubServer() as other:
        assert up.main(["--pubsub-port", str(other.port), "--gcs-port", "0"]) == 1
        assert f"127.0.0.1:{other.port} is taken" in capfd.readouterr().err


def test_a_taken_gcs_port_ends_it_with_a_message(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert up.main(["--pubsub-port", "0", "--gcs-port", str(port)]) == 1
        assert f"127.0.0.1:{port} is taken" in capfd.readouterr().err


@pytest.mark.parametrize("option", ["--pubsub-port", "--gcs-port"])
@pytest.mark.parametrize("port", ["65536", "99999", "-1", "http", "", "١"])
def test_a_port_that_is_none_is_a_usage_error(option: str, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        up.main([f"{option}={port}"])
    assert ended.value.code == 2
    assert f"argument {option}: {port!r} is no port: it takes 0 to 65535" in capsys.readouterr().err


def test_a_fault_option_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with running("--duplicate", "1", "--seed", "3") as process:
        environment = evaluated(exports(process))
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", environment["PUBSUB_EMULATOR_HOST"])
        publisher: Any = pubsub_v1.PublisherClient()
        publisher.publish(environment["PUBSUB_TOPIC"], b"twin").result(PATIENCE_S)
        publisher.stop()
        publisher.transport.close()
        with pubsub_v1.SubscriberClient() as subscriber:
            response = subscriber.pull(subscription=environment["PUBSUB_SUBSCRIPTION"], max_messages=10)
            assert [each.message.data for each in response.received_messages] == [b"twin", b"twin"]


def test_a_fault_out_of_range_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        up.main(["--redeliver", "2"])
    assert "redeliver must be a fraction" in capsys.readouterr().err


def test_the_cloud_can_be_started_in_a_program(tmp_path: Path) -> None:
    with up.local_cloud(data=tmp_path, faults=Faults(duplicate=1.0)) as cloud:
        assert cloud.environment["PUBSUB_EMULATOR_HOST"] == cloud.pubsub.address
        assert cloud.environment["STORAGE_EMULATOR_HOST"] == cloud.gcs.url
        assert (tmp_path / up.BUCKET).is_dir()


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["nonsense"], 2), (["--help"], 0)])
def test_the_command_line_explains_itself(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(arguments) == code
    output = capsys.readouterr()
    assert "replay" in output.out + output.err
