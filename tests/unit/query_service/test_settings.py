"""Settings, and the process that they start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.errors import ConfigError
from lakehouse.store.local import LocalStore
from query_service.__main__ import main
from query_service.auth.api_keys import Keys
from query_service.lifespan import workspace
from query_service.server.run import uvicorn_config
from query_service.settings import Settings, load_settings
from tests._support.lake_builder import LakeBuilder, event

COMMAND = [sys.executable, "-m", "query_service"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("API_") or name in ("PORT", "LAKE_URL"):
            monkeypatch.delenv(name)


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "LAKE_URL": "gs://bucket",
        "PORT": "1234",
        "API_HOST": "127.0.0.1",
        "API_MAX_CONNECTIONS": "200",
        "API_BACKLOG_CONNECTIONS": "13",
        "API_KEEP_ALIVE_S": "14",
        "API_HEAD_KB": "15",
        "API_PLAN_MAX_AGE_S": "0.5",
        "API_PLAN_TIMEOUT_S": "2",
        "API_FILE_CACHE_MB": "100",
        "API_CACHE_DIR": str(tmp_path),
        "API_MAX_CONCURRENT_QUERIES": "3",
        "API_QUEUE_LIMIT": "4",
        "API_QUERY_TIMEOUT_S": "5.5",
        "API_SEND_TIMEOUT_S": "9.5",
        "API_SEND_BUFFER_MB": "10",
        "API_DUCKDB_MEMORY_MB": "256",
        "API_MAX_LONG_POLLS": "6",
        "API_FILTER_MAX_VALUES": "7",
        "API_RESULT_CACHE_MB": "8",
        "API_ROLLUP_CACHE_MB": "9",
        "API_ROLLUP_MIN_ROWS": "10",
        "API_TAIL_CACHE_MB": "11",
        "API_TAIL_CACHE_MIN_KB": "12",
        "API_KEYS": "mobile:" + "a" * 64,
        "API_KEYS_FILE": "/keys",
        "API_RATE_PER_S": "7.5",
        "API_RATE_BURST": "8",
        "API_METRICS_OPEN": "True",
        "API_CORS_ORIGINS": "https://a.example,http://localhost:3000",
        "API_TLS_IN_FRONT": "True",
        "API_PROXY_HOPS": "9",
        "API_LOG_FORMAT": "text",
        "API_TRACE_PROJECT": "project-1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert len(given) == len(Settings.model_fields)
    assert [str(getattr(settings, name.removeprefix("API_").lower())) for name in given] == [
        {"2": "2.0"}.get(value, value) for value in given.values()
    ]


def test_the_limits_of_the_server_are_settings(tmp_path: Path) -> None:
    limits = {"max_connections": 7, "backlog_connections": 8, "keep_alive_s": 9, "head_kb": 10}
    store = LocalStore(tmp_path)
    config = uvicorn_config(store, Settings.model_validate({"lake_url": store.url, **limits}), Keys(()))
    assert (config.limit_concurrency, config.backlog, config.timeout_keep_alive) == (7, 8, 9)
    assert config.h11_max_incomplete_event_size == 10_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("API_PLAN_MAX_AGE", "1"), ("API_CACHE_SIZE_MB", "1"), ("api_colour", "red"), ("API_", "")),
        *(("API_PLAN_MAX_AGE_S", "soon"), ("API_PLAN_MAX_AGE_S", "-1"), ("API_MAX_CONCURRENT_QUERIES", "0")),
        *(("PORT", "http"), ("PORT", "70000"), ("LAKE_URL", ""), ("API_FILE_CACHE_MB", "")),
        *(("API_LOG_FORMAT", "xml"), ("API_RATE_PER_S", "-1"), ("API_RATE_BURST", "0"), ("API_PROXY_HOPS", "-1")),
        *(("API_CORS_ORIGINS", "a.example"), ("API_CORS_ORIGINS", "https://a.example/"), ("API_CORS_ORIGINS", "*,")),
    ],
)
def test_what_is_unknown_or_wrong_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("LAKE_URL", "gs://bucket")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_lake_has_no_default() -> None:
    with pytest.raises(ConfigError, match="LAKE_URL is not set"):
        load_settings()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"API_PLAN_AGE": "1", "LAKE_URL": "file:///tmp/lake"}, "API_PLAN_AGE"),
        ({"LAKE_URL": "s3://bucket"}, "LAKE_URL"),
        ({"LAKE_URL": "file:///tmp/no/such/lake"}, "LAKE_URL is 'file:///tmp/no/such/lake'; there is no such folder"),
        ({"LAKE_URL": "file:///tmp", "API_CACHE_DIR": "/proc/nowhere"}, "API_CACHE_DIR"),
    ],
)
def test_it_does_not_start_with_a_wrong_setting(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lakehouse.telemetry.logs.configure", lambda _: None)
    assert main([]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert named in said


def test_help_names_every_setting_with_its_default_and_does_not_serve(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert "serves the API" in said.out
    for text in ("LAKE_URL (required)", "PORT (default 8080)", "API_QUERY_TIMEOUT_S (default 10.0 seconds)"):
        assert text in said.out
    assert said.out.count("API_") >= len(Settings.model_fields) - 2
    for name, setting in Settings.model_fields.items():
        assert setting.description, name  # the reason for its default


@pytest.mark.parametrize("argument", ["serve", "--port=1", "-x", "--hel"])
def test_an_argument_that_it_does_not_take_ends_it_with_2(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2
    assert argument in capsys.readouterr().err


def test_a_cache_folder_belongs_to_one_process(tmp_path: Path) -> None:
    with workspace(tmp_path), pytest.raises(ConfigError, match="another process"), workspace(tmp_path):
        pass
    with workspace(tmp_path) as folder:
        assert folder == tmp_path


@contextmanager
def started(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, once it listens (it logs the port that it was given), until the block ends."""
    with subprocess.Popen(COMMAND, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r'running on (http://[^\s"]+)', line):
                    yield process, found[1]
                    break
        finally:
            if process.poll() is None:
                process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


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
    monkeypatch.setattr("lakehouse.telemetry.logs.configure", lambda _: None)
    assert main([]) == 2
    assert "API_HOST is no-such-host.invalid and PORT is 8080: " in capsys.readouterr().err
