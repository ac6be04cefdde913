"""What is around the routes: security headers, CORS, request log. In this process, and over real HTTP."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from query_service.app import EXPOSED
from query_service.auth.api_keys import load_keys, new_key
from query_service.auth.middleware import HEADER
from query_service.middleware.headers import CSP
from query_service.queries.lake_status import LakeStatusService
from tests._support.api import Api, serving
from tests._support.lake_builder import LakeBuilder, event
from tests.unit.query_service.test_settings import free_port

PAGE = "https://page.example"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(MemoryStore(), cors_origins=PAGE, tls_in_front=True) as api:
        yield api


# -- security headers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/stats?x=1", "/nothing", "/health", "/metrics", "/docs"])
def test_every_answer_is_locked_down(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert policy == CSP or (path == "/docs" and "default-src" in policy and "frame-ancestors 'none'" in policy)
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Server" not in headers


def test_an_unexpected_error_is_locked_down_too_and_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise LookupError("internals")

    monkeypatch.setattr(LakeStatusService, "find", fail)
    answer = api.get("/v1/lake", Origin=PAGE)
    assert answer.status_code == 500
    assert "internals" not in answer.text
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert [record.levelname for record in caplog.records if record.name == "query_service.api.requests"] == ["ERROR"]


def test_without_the_setting_nothing_is_said_about_tls() -> None:
    with serving(MemoryStore()) as plain:
        assert "Strict-Transport-Security" not in plain.get("/health").headers


# -- CORS ------------------------------------------------------------------------------------------------------


def preflight(api: Api, origin: str) -> httpx.Response:
    asks = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": HEADER}
    return api.run(api.client.options("/v1/stats", headers=asks))


def test_a_known_page_may_ask_and_read_what_it_needs(api: Api) -> None:
    assert preflight(api, PAGE).headers["Access-Control-Allow-Origin"] == PAGE
    headers = api.get("/v1/stats", Origin=PAGE).headers
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Expose-Headers"] == ", ".join(EXPOSED)
    assert {"Accept", "Accept-Encoding", "Origin"} <= {name.strip() for name in headers["Vary"].split(",")}


def test_other_pages_may_not(api: Api) -> None:
    assert preflight(api, "https://other.example").status_code == 400
    assert "Access-Control-Allow-Origin" not in api.get("/v1/stats", Origin="https://other.example").headers


def test_by_default_no_page_may() -> None:
    with serving(MemoryStore()) as plain:
        assert "Access-Control-Allow-Origin" not in plain.get("/v1/stats", Origin=PAGE).headers
        assert preflight(plain, PAGE).status_code == 405


def test_a_page_can_read_why_it_was_sent_away_and_needs_no_key_to_ask_whether_it_may() -> None:
    keys = load_keys(new_key("mobile")[1], None)
    with serving(MemoryStore(), keys=keys, cors_origins="*") as api:
        assert preflight(api, PAGE).status_code == 200
        refused = api.get("/v1/stats", Origin=PAGE)
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "*"


# -- request log -----------------------------------------------------------------------------------------------


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__["fields"] for record in caplog.records if record.name == "query_service.api.requests"]


def test_each_request_is_one_line(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = api.get("/v1/stats?carrier=UA&group_by=origin", **{"User-Agent": "tests/1"})
        api.get("/v1/%0d%0aforged?x=1")
    first, second = logged(caplog)
    request = first.pop("httpRequest")
    assert request.pop("latency").endswith("s")
    assert request == {
        "requestMethod": "GET",
        "requestUrl": "/v1/stats?carrier=UA&group_by=origin",
        "status": 200,
        "responseSize": str(len(answer.content)),
        "userAgent": "tests/1",
        "remoteIp": "127.0.0.1",
    }
    assert first == {"route": "/v1/stats", "key": "none"}
    assert second["httpRequest"]["requestUrl"] == "/v1/%0d%0aforged?x=1"
    assert (second["route"], second["problem"]) == ("other", "not-found")


def test_a_head_request_is_logged_as_what_it_is(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        api.run(api.client.head("/v1/stats"))
    (line,) = logged(caplog)
    assert (line["httpRequest"]["requestMethod"], line["httpRequest"]["responseSize"]) == ("HEAD", "0")
    assert line["route"] == "/v1/stats"


def test_probes_are_logged_when_they_fail_only(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for path in ("/health", "/ready", "/metrics"):
            assert api.get(path).status_code == 200
        assert logged(caplog) == []
        api.run(api.client.post("/ready"))
        assert [line["httpRequest"]["status"] for line in logged(caplog)] == [405]


@pytest.mark.parametrize(
    ("hops", "forwarded", "remote"),
    [
        (0, "9.9.9.9", "127.0.0.1"),  # nobody of ours is in front: the header is the caller's own words
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        (2, "9.9.9.9", "127.0.0.1"),
    ],
)
def test_the_address_is_what_our_own_proxies_saw(
    hops: int, forwarded: str, remote: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(MemoryStore(), proxy_hops=hops) as api, caplog.at_level(logging.INFO):
        api.get("/v1/stats", **{"X-Forwarded-For": forwarded})
    assert logged(caplog)[0]["httpRequest"]["remoteIp"] == remote


# -- the process, over real HTTP -------------------------------------------------------------------------------


@contextmanager
def process(log: Path, **environment: str) -> Iterator[str]:
    """The service; its URL. Its log is a file: not a terminal."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("API_")}
    port = str(free_port())
    with log.open("wb") as stream:
        service = subprocess.Popen(
            [sys.executable, "-m", "query_service"],
            env=inherited | {"PORT": port, "API_HOST": "127.0.0.1"} | environment,
            stderr=stream,
        )
    try:
        give_up_at = time.monotonic() + 60
        while "running on" not in log.read_text():
            assert service.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        service.wait(30)


def answer(url: str, **headers: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def test_the_process_writes_json_lines_without_secrets_and_says_nothing_of_its_server(tmp_path: Path) -> None:
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


def test_the_process_says_at_its_start_that_anybody_may_ask(tmp_path: Path) -> None:
    LocalStore(tmp_path / "lake").create("landing/x", b"x")
    with process(tmp_path / "log", LAKE_URL=f"file://{tmp_path}/lake", API_LOG_FORMAT="text") as url:
        assert answer(f"{url}/v1/stats")[0] == 200
    text = (tmp_path / "log").read_text()
    assert "API keys are off (API_KEYS is not set): whoever reaches this port may ask" in text
    assert "rate limit is off" in text
    assert not text.startswith("{")
