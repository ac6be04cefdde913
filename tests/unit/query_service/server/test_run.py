"""The process: what it says when it starts, what it does not start with, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from lakehouse.store.local import LocalStore
from query_service.__main__ import main
from query_service.auth.api_keys import Keys, new_key
from query_service.auth.middleware import HEADER
from query_service.server.descriptors import connection_room
from query_service.server.run import uvicorn_config
from query_service.settings import Settings
from tests._support.api.process import COMMAND, process, started
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.processes.commands import free_port

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def answer(url: str, **headers: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def test_the_process_writes_json_lines_without_secrets_or_its_server(tmp_path: Path) -> None:
    LakeBuilder(LocalStore(tmp_path / "lake")).land(event())
    key, entry = new_key("mobile")
    (tmp_path / "keys").write_text(entry)
    with process(
        tmp_path / "log",
        LAKE_URL=f"file://{tmp_path}/lake",
        API_KEYS_FILE=str(tmp_path / "keys"),
        API_TRACE_PROJECT="project-1",
        API_RATE_PER_S="100",
    ) as url:
        status, headers = answer(f"{url}/v1/stats", **{HEADER: key, "traceparent": f"00-{TRACE}-{SPAN}-01"})
        assert (status, headers["Server"]) == (200, None)
        assert headers["RateLimit"] == '"per-key";r=19;t=1'
        assert answer(f"{url}/v1/stats?key={key}")[0] == 401
        assert answer(f"{url}/metrics", **{HEADER: key})[0] == 200
    text = (tmp_path / "log").read_text()
    assert key[:12] not in text
    assert entry.partition(":")[2] not in text
    lines = [json.loads(line) for line in text.splitlines()]
    asked, refused = (line for line in lines if "httpRequest" in line)
    assert asked["logging.googleapis.com/trace"] == f"projects/project-1/traces/{TRACE}"
    assert (asked["severity"], asked["key"], asked["httpRequest"]["status"]) == ("INFO", "mobile", 200)
    assert refused["httpRequest"]["requestUrl"] == "/v1/stats?key=flk_***"
    started = " / ".join(line["message"] for line in lines[:4])
    assert "API keys are on: /v1/ is for mobile" in started
    assert "rate limit for each key: 100 requests a second, 20 at once" in started


def test_the_process_says_at_its_start_that_the_api_is_open(tmp_path: Path) -> None:
    LocalStore(tmp_path / "lake").create("landing/x", b"x")
    with process(tmp_path / "log", LAKE_URL=f"file://{tmp_path}/lake", API_LOG_FORMAT="text") as url:
        assert answer(f"{url}/v1/stats")[0] == 200
    text = (tmp_path / "log").read_text()
    assert "the API is open: API_KEYS is not set" in text
    assert "rate limit is off" in text
    assert not text.startswith("{")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("API_") or name in ("PORT", "LAKE_URL"):
            monkeypatch.delenv(name)


def test_the_limits_of_the_server_are_settings(tmp_path: Path) -> None:
    limits = {"max_connections": 7, "backlog_connections": 8, "keep_alive_s": 9, "head_kb": 10}
    store = LocalStore(tmp_path)
    settings = Settings.model_validate({"lake_url": store.url, **limits})
    room = connection_room(settings.max_connections, 1024)
    config = uvicorn_config(store, settings, Keys(()), room)
    assert (room.max_connections, config.limit_concurrency, config.timeout_keep_alive) == (7, None, 9)
    assert config.h11_max_incomplete_event_size == 10_000


def test_the_process_answers_and_ends_with_a_signal(tmp_path: Path) -> None:
    LakeBuilder(LocalStore(tmp_path / "lake")).land(event())
    environment = {
        "LAKE_URL": f"file://{tmp_path}/lake",
        "PORT": str(free_port()),
        "API_HOST": "127.0.0.1",
        "API_CACHE_DIR": str(tmp_path / "cache"),
    }
    with started(environment) as (process, url):
        with urllib.request.urlopen(f"{url}/v1/stats", timeout=20) as answer:
            assert json.load(answer)["data"][0]["flights"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not list((tmp_path / "cache").rglob("*.parquet"))


def test_an_idle_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """It may be kept for an hour; the process ends as soon as no answer is owed."""
    LakeBuilder(LocalStore(tmp_path / "lake")).land(event())
    settings = {"LAKE_URL": f"file://{tmp_path}/lake", "PORT": str(free_port()), "API_HOST": "127.0.0.1"}
    with started(settings | {"API_KEEP_ALIVE_S": "3600"}) as (process, url):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as idle:
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
            process.send_signal(signal.SIGTERM)
            while idle.recv(1 << 16):
                pass  # the rest of the answer, then the end
            assert process.wait(20) == 0  # and uvicorn would wait 8 s for an answer: it says so when it does
        assert process.stderr is not None
        assert "graceful" not in process.stderr.read()


def test_a_second_signal_ends_it_at_once_without_a_traceback(tmp_path: Path) -> None:
    LakeBuilder(LocalStore(tmp_path / "lake")).land(event())
    settings = {"LAKE_URL": f"file://{tmp_path}/lake", "PORT": str(free_port()), "API_HOST": "127.0.0.1"}
    waiting = "/v1/flights/2013-01-01-UA-1545-EWR?min_event_time=2100-01-01T00:00:00Z&wait_s=20"
    with started(settings | {"API_CACHE_DIR": str(tmp_path / "cache")}) as (process, url):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as asking:
            asking.sendall(f"GET {waiting} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert process.stderr is not None
            with urllib.request.urlopen(f"{url}/health", timeout=20):
                pass  # the other one was accepted before
            process.send_signal(signal.SIGINT)
            said = ""
            while "Waiting for connections" not in said:
                said += process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert asking.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
        said += process.stderr.read()
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert not list((tmp_path / "cache").rglob("*.parquet"))


def test_a_port_that_is_taken_is_said_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"LAKE_URL": f"file://{tmp_path}/lake", "PORT": str(port), "API_HOST": "127.0.0.1"}
        done = subprocess.run(
            COMMAND,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == f"query_service: API_HOST is 127.0.0.1 and PORT is {port}: Address already in use\n"


def test_a_host_that_nobody_knows_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("LAKE_URL", f"file://{tmp_path}/lake")
    monkeypatch.setenv("API_HOST", "no-such-host.invalid")
    monkeypatch.setattr("lakehouse.telemetry.logs.configure", lambda *_, **__: None)
    assert main([]) == 2
    assert "API_HOST is no-such-host.invalid and PORT is 8080: " in capsys.readouterr().err
