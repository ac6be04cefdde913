"""Heads of answers: what every answer says to a browser, and HEAD answered like GET without the body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.middleware.headers import CSP
from query_service.queries.lake_status import LakeStatusService
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import event
from tests._support.oracles.random_stats import lake_of

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(MemoryStore(), cors_origins=PAGE, tls_in_front=True) as api:
        yield api


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


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-01-UA-1545-EWR", "/v1/lake"])
def test_head_is_get_without_the_body(path: str) -> None:
    with lake_of([event()]) as api:
        get = api.get(path)
        head = api.run(api.client.head(path))
    assert head.content == b""
    assert head.status_code == 200
    changing = {"lake-as-of", "x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in changing} == {
        n: v for n, v in get.headers.items() if n not in changing
    }


def test_head_of_what_is_wrong_is_wrong() -> None:
    with lake_of([event()]) as api:
        answers = [api.run(api.client.head(path)) for path in ("/v1/stats?limit=0", "/v1/nothing")]
    assert [(answer.status_code, answer.content) for answer in answers] == [(422, b""), (404, b"")]


def hosted(api: Api, *hosts: str, version: str = "1.1") -> tuple[int, dict[str, str]]:
    """Status and problem of a request with these Host headers."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "http_version": version,
        "path": "/health",
        "query_string": b"",
        "headers": [(b"host", host.encode("latin-1")) for host in hosts],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    api.run(api.app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    "host",
    [
        *("x", "x:", "x:8080", "api.example:65535", "127.0.0.1:8080", "[::1]", "[::1]:80", "[::ffff:1.2.3.4]"),
        *("xn--bcher-kva.example", "under_score", "a%20b"),
    ],
)
def test_one_right_host_is_taken(api: Api, host: str) -> None:
    assert hosted(api, host)[0] == 200
    assert hosted(api, host, version="1.0")[0] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        *((), ("x", "x"), ("x", "y")),
        *(("",), (" ",), ("a b",), ("a,b",), ("user@x",), ("x/y",), ("x?y",), ("x#y",), ("http://x",), ("x:y",)),
        *(("x:65536",), ("x:80:80",), ("x:-1",), ("::1",), ("[::1",), ("[x]",), ("[]",), ("a%2",), ("b\xfccher",)),
        *(("x" * 256,), ("a\tb",), ("a\\b",)),
    ],
)
def test_without_one_right_host_a_request_is_refused(api: Api, hosts: tuple[str, ...]) -> None:
    status, problem = hosted(api, *hosts)
    assert (status, problem.get("type")) == (400, "/problems#host")


def test_http_1_0_needs_no_host_and_takes_no_two(api: Api) -> None:
    assert hosted(api, version="1.0")[0] == 200
    assert hosted(api, "x", "x", version="1.0")[0] == 400
