"""Wrong ways to Google's services stop every command at its start, with one line that says what to set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import ingest_writer.__main__ as ingest_writer
import lakehouse as analysts
import lakehouse.__main__ as lakehouse
import probe.__main__ as probe
import query_service.__main__ as query_service
from lakehouse.errors import ConfigError
from local_cloud import __main__ as local_cloud
from local_cloud.emulators.gcs import GcsServer
from local_cloud.emulators.pubsub import PubsubServer
from tests._support.processes.commands import free_port
from tests._support.servers.http_server import serving_with

TOPIC = "projects/test/topics/flights"
Command = Callable[[], int]

_STORAGE: dict[str, Command] = {
    "run": lambda: ingest_writer.main(["run"]),
    "compact": lambda: ingest_writer.main(["compact"]),
    "load": lambda: ingest_writer.main(["load", "events.csv"]),
    "replay-rejected": lambda: ingest_writer.main(["replay-rejected"]),
    "api": lambda: query_service.main([]),
    "sql": lambda: lakehouse.main(["sql", "SELECT 1"]),
    "verify": lambda: lakehouse.main(["verify"]),
}
_PUBSUB: dict[str, tuple[Command, int]] = {
    "run": (lambda: ingest_writer.main(["run"]), 2),
    "canary": (lambda: probe.main(["canary"]), 2),
    "replay": (lambda: local_cloud.main(["replay", "--topic", TOPIC, "--limit", "1"]), 1),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything is set and right, but for what a test sets."""
    for name in ("PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    monkeypatch.setenv("LAKE_URL", "gs://lake")
    monkeypatch.setenv("PUBSUB_SUBSCRIPTION", "projects/test/subscriptions/writer")
    monkeypatch.setenv("PUBSUB_TOPIC", TOPIC)
    monkeypatch.setenv("PROBE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WRITER_PORT", "0")


@pytest.fixture(scope="module")
def other_server() -> Iterator[int]:
    """The port of a server that speaks HTTP, and neither Cloud Storage nor Pub/Sub."""
    with serving_with(_Empty) as server:
        yield server.server_port


class _Empty(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_: object) -> None:
        pass


def said(capsys: pytest.CaptureFixture[str], *parts: str) -> None:
    """One line, with these parts."""
    [line] = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts), line


def refused(command: Command, code: int) -> None:
    began = time.monotonic()
    assert command() == code
    assert time.monotonic() - began < 15  # where Google's clients would try for minutes


@pytest.mark.parametrize("command", _STORAGE)
def test_nobody_listens_at_the_storage_emulator(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with PubsubServer() as server:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address := f"http://127.0.0.1:{free_port()}")
        refused(_STORAGE[command], 2)
    said(
        capsys, f"STORAGE_EMULATOR_HOST is '{address}', and no Cloud Storage answers there", "it takes http://HOST:PORT"
    )


@pytest.mark.parametrize(
    "value", ["127.0.0.1:4443", "localhost", "http://", "http://h:0", "ftp://h:1", "http://h:1/x", ""]
)
def test_a_storage_emulator_without_its_form_is_refused_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", value)
    refused(_STORAGE["sql"], 2)
    said(capsys, f"STORAGE_EMULATOR_HOST is {value!r}; it takes http://HOST:PORT")


def test_another_server_at_the_port_is_no_storage_emulator(
    other_server: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{other_server}")
    refused(_STORAGE["sql"], 2)
    said(capsys, "no Cloud Storage answers there")


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_proxy_in_front_of_nothing_is_no_storage_emulator(
    status: int, other_server: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Empty, "status", status)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{other_server}")
    refused(_STORAGE["sql"], 2)
    said(capsys, "no Cloud Storage answers there")


def test_credentials_that_are_a_folder_are_one_line_that_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    refused(_STORAGE["sql"], 2)
    said(capsys, "gs://lake needs Google credentials", "GOOGLE_APPLICATION_CREDENTIALS")


def test_pubsubs_port_is_no_storage_emulator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with PubsubServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{server.address}")
        refused(_STORAGE["sql"], 2)
    said(capsys, "no Cloud Storage answers there")


@pytest.mark.parametrize("command", ["compact", "api", "sql"])
def test_a_bucket_that_is_not_there_is_named_with_the_emulator(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with GcsServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        refused(_STORAGE[command], 2)
        said(capsys, "is 'gs://lake'; there is no such bucket", f"STORAGE_EMULATOR_HOST, which is {server.url!r}")


@pytest.mark.parametrize("command", _STORAGE)
def test_missing_credentials_are_one_line_that_says_what_to_set(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(_STORAGE[command], 2)
    said(capsys, "gs://lake needs Google credentials", "gcloud auth", "did you mean to set STORAGE_EMULATOR_HOST")


def test_connect_says_the_same_as_the_commands() -> None:
    with pytest.raises(ConfigError, match="did you mean to set STORAGE_EMULATOR_HOST"):
        analysts.connect("gs://lake")


def test_a_lake_that_is_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAKE_URL", (tmp_path / "file").as_uri())
    refused(_STORAGE["compact"], 2)
    said(capsys, "LAKE_URL is", "that is no folder")


@pytest.mark.parametrize("command", _PUBSUB)
@pytest.mark.parametrize("value", ["http://127.0.0.1:8085", "localhost", "8085", "h:0", "h:99999", ":8085"])
def test_a_pubsub_emulator_without_its_form_is_refused_by_name(
    command: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_URL", tmp_path.as_uri())
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", value)
    refused(*_PUBSUB[command])
    said(capsys, f"PUBSUB_EMULATOR_HOST is {value!r}; it takes HOST:PORT")


@pytest.mark.parametrize("command", _PUBSUB)
@pytest.mark.parametrize("who", ["nobody", "another server"])
def test_a_port_without_pubsub_is_no_pubsub_emulator(
    command: str,
    who: str,
    other_server: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    address = f"127.0.0.1:{free_port() if who == 'nobody' else other_server}"
    monkeypatch.setenv("LAKE_URL", tmp_path.as_uri())
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    refused(*_PUBSUB[command])
    said(capsys, f"PUBSUB_EMULATOR_HOST is '{address}', and no Pub/Sub answers there", "python -m local_cloud up")


@pytest.mark.parametrize("command", _PUBSUB)
def test_missing_credentials_for_pubsub_are_one_line_too(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_URL", tmp_path.as_uri())
    refused(*_PUBSUB[command])
    said(capsys, "credentials", "gcloud auth", "did you mean to set PUBSUB_EMULATOR_HOST")
