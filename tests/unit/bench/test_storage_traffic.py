"""What stands between a reader and Cloud Storage counts all requests, and changes none."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from bench.storage_traffic import Traffic, counted
from tests._support.servers.http_server import serving_with

_BODY = b"0123456789"


class _Storage(BaseHTTPRequestHandler):
    """Says what it was asked, and by which name."""

    def do_GET(self) -> None:
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        body = _BODY[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Asked", f"{self.command} {self.path} at {self.headers['Host']}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def storage() -> Iterator[str]:
    with serving_with(_Storage) as server:
        yield server.url


@pytest.fixture
def traffic(storage: str) -> Iterator[Traffic]:
    with counted(storage) as traffic:
        yield traffic


def test_a_request_is_passed_on_as_it_came_and_noted(storage: str, traffic: Traffic) -> None:
    answer = httpx.get(f"{traffic.url}/lake/a%20b?x=1", headers={"Range": "bytes=4-"})
    assert (answer.status_code, answer.content) == (206, _BODY[4:])
    assert answer.headers["X-Asked"] == f"GET /lake/a%20b?x=1 at {storage.removeprefix('http://')}"
    assert (traffic.paths, traffic.bytes) == (["/lake/a b?x=1"], 6)


def test_a_question_for_the_size_is_a_request_without_bytes(traffic: Traffic) -> None:
    answer = httpx.head(f"{traffic.url}/lake/a")
    assert answer.headers["Content-Length"] == str(len(_BODY))
    assert (traffic.paths, traffic.bytes) == (["/lake/a"], 0)


def test_downloads_and_listings_of_googles_client_are_told_apart(traffic: Traffic) -> None:
    httpx.get(f"{traffic.url}/download/storage/v1/b/lake/o/flights%2Fa?alt=media")
    httpx.get(f"{traffic.url}/storage/v1/b/lake/o?prefix=flights%2F")
    assert (len(traffic.objects), traffic.objects_of("flights/"), traffic.objects_of("landing/")) == (1, 1, 0)
    assert traffic.listings == 1
    traffic.forget()
    assert (traffic.paths, traffic.bytes) == ([], 0)
