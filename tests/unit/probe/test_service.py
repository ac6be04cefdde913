"""Asking the API: whatever it does is an answer, and the headers are those that let us in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from local_cloud.processes.supervise import free_port
from probe.errors import ProbeFailedError
from probe.service import USER_AGENT, Answer, Service, open_service
from probe.settings import load_settings
from tests._support.servers.http_server import serving_with

CLOUD = {"PROBE_URL": "http://127.0.0.1:1", "PUBSUB_TOPIC": "projects/p/topics/t"}


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked: the status is the first part of the path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1].partition("?")[0]))
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path, "headers": dict(self.headers)}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """`host:port` of a server on this machine."""
    with serving_with(handler) as server:
        yield f"127.0.0.1:{server.server_port}"


def test_a_refusal_is_an_answer_with_its_status_and_its_media_type() -> None:
    with serving(Echo) as address:
        for status in (200, 404, 503):
            answer = Service(f"http://{address}", {}).get(f"/{status}", {"a": "x y", "n": 1})
            assert (answer.status, answer.media_type) == (status, "application/json")
            assert answer.json()["path"] == f"/{status}?a=x+y&n=1"
            assert answer.json()["headers"]["User-Agent"] == USER_AGENT


def test_silence_is_an_answer_too() -> None:
    answer = Service(f"http://127.0.0.1:{free_port()}", {}).get("/ready")
    assert answer.status == 0
    assert str(answer).startswith("no answer from http://127.0.0.1:")


def test_without_its_key_the_service_is_asked_as_by_a_stranger_who_may_come_in() -> None:
    with serving(Echo) as address:
        settings = load_settings({**CLOUD, "PROBE_URL": f"http://{address}", "PROBE_API_KEY": "k", "PROBE_TOKEN": "t"})
        service = open_service(settings)
        known = service.get("/200").json()["headers"]
        stranger = service.without_key().get("/200").json()["headers"]
    assert service.has_key
    assert not service.without_key().has_key
    assert (known["X-Api-Key"], known["Authorization"]) == ("k", "Bearer t")
    assert "X-Api-Key" not in stranger
    assert stranger["Authorization"] == "Bearer t"


def test_a_long_body_is_cut_where_it_is_shown_and_not_where_it_is_read() -> None:
    answer = Answer("u", 200, "application/json", {}, json.dumps("x" * 1000))
    assert len(str(answer)) < 550
    assert answer.json() == "x" * 1000


def test_a_body_that_is_not_json_is_told_with_what_it_is() -> None:
    with pytest.raises(ProbeFailedError, match="expected JSON; saw 200 from u: <html>"):
        Answer("u", 200, "text/html", {}, "<html>").json()


class Metadata(BaseHTTPRequestHandler):
    """The metadata server of Cloud Run, and an API that wants its token."""

    def do_GET(self) -> None:
        wants = "Metadata-Flavor" if self.path.startswith("/computeMetadata") else "Authorization"
        body = f"token-for-{self.path}" if wants == "Metadata-Flavor" else str(self.headers[wants])
        self.send_response(200 if self.headers[wants] else 403)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_identity_token_of_the_audience_is_sent_when_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Metadata) as address:
        monkeypatch.setenv("GCE_METADATA_HOST", address)
        settings = load_settings({**CLOUD, "PROBE_URL": f"http://{address}", "PROBE_AUDIENCE": "https://api"})
        answer = open_service(settings).get("/v1/lake")
    assert answer.status == 200
    assert answer.body.startswith("Bearer token-for-/computeMetadata/")
    assert "audience=https%3A%2F%2Fapi" in answer.body


def test_an_audience_without_a_metadata_server_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_port()}")
    with pytest.raises(ProbeFailedError, match="expected an identity token for https://api"):
        open_service(load_settings({**CLOUD, "PROBE_AUDIENCE": "https://api"}))
