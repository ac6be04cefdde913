"""The client of the bench: one connection that stays open, and answers as they came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from bench import http as bench_http
from bench.http import Answer, Client, answered
from tests._support.servers.http_server import Server, serving_with


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent; the path begins with the status."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = json.dumps({"method": self.command, "x": self.headers.get("X-Test"), "body": body}).encode()
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving_with(Echo) as server:
        yield server


def test_a_question_and_its_headers_are_sent_as_given(server: Server) -> None:
    with closing(Client(server.url)) as client:
        got = client.get("/200", {"X-Test": "a"})
        sent = client.post("/201", b"content", {"X-Test": "b"})
    assert json.loads(got.body) == {"method": "GET", "x": "a", "body": ""}
    assert json.loads(sent.body) == {"method": "POST", "x": "b", "body": "content"}
    assert (got.status, sent.status, got.headers["content-length"]) == (200, 201, str(len(got.body)))
    assert got.ms > 0


def test_one_connection_serves_until_it_may_have_been_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Client(server.url)) as client:
        for _ in range(3):
            client.get("/200")
        assert server.connections == 1
        monkeypatch.setattr(bench_http, "_IDLE_MOST_S", 0.0)  # idle for too long at once
        client.get("/200")
    assert server.connections == 2


def test_an_answer_that_is_no_200_is_an_error_where_a_200_is_needed(server: Server) -> None:
    with closing(Client(server.url)) as client:
        assert client.json("/200")["method"] == "GET"
        with pytest.raises(ValueError, match="/503: 503 "):
            client.json("/503")
    good = Answer(200, {}, b"x", 1.0)
    assert answered(good) is good
    with pytest.raises(ValueError, match="404: b'no'"):
        answered(Answer(404, {}, b"no", 1.0))
