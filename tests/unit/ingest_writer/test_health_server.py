"""/health and /ready over real HTTP."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ingest_writer.health_server import HealthLimits, HealthServer, listen
from lakehouse.errors import ConfigError
from tests._support.processes.commands import get


class _Writer:
    def __init__(self) -> None:
        self.status: dict[str, Any] = {"ready": True, "storage": "ok"}


@pytest.fixture
def writer() -> _Writer:
    return _Writer()


@pytest.fixture
def url(writer: _Writer) -> Iterator[str]:
    server = HealthServer(0, lambda: writer.status, lambda: b"up 1\n")
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def test_ready_shows_the_status_of_now(writer: _Writer, url: str) -> None:
    assert get(f"{url}/ready") == (200, {"ready": True, "storage": "ok"})
    writer.status = {"ready": False, "storage": "503"}
    assert get(f"{url}/ready") == (503, {"ready": False, "storage": "503"})


def test_health_says_ok_also_when_the_writer_is_not_ready(writer: _Writer, url: str) -> None:
    writer.status = {"ready": False}
    assert get(f"{url}/health") == (200, {"status": "ok"})


def test_metrics_are_the_page_of_now_and_say_nothing_of_the_server(url: str) -> None:
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
        assert answer.read() == b"up 1\n"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/ready/", "/metrics/"])
def test_other_paths_are_not_there(path: str, url: str) -> None:
    assert get(url + path)[0] == 404


def test_a_port_that_is_taken_is_an_error(url: str) -> None:
    with pytest.raises(OSError, match="in use"):
        HealthServer(int(url.rpartition(":")[2]), lambda: {"ready": True}, bytes)


def test_a_setting_whose_port_is_taken_is_named(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"WRITER_PORT is {port}: "):
        listen("WRITER_PORT", port, lambda: {"ready": True}, bytes)


def test_nobody_listens_once_it_is_closed() -> None:
    server = HealthServer(0, lambda: {"ready": True}, bytes)
    server.close()
    assert get(f"http://127.0.0.1:{server.port}/health") == (0, {})


def test_callers_that_never_end_their_request_hold_no_thread_and_hold_up_nobody() -> None:
    server = HealthServer(0, lambda: {"ready": True}, bytes, HealthLimits(max_connections=8))
    threads = threading.active_count()
    with contextlib.ExitStack() as stack:
        stack.callback(server.close)
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
            slow.sendall(b"GET /health HT")
        assert get(f"http://127.0.0.1:{server.port}/health") == (200, {"status": "ok"})
        assert threading.active_count() == threads


def test_the_deadline_is_for_the_whole_request_and_not_for_each_byte() -> None:
    server = HealthServer(0, lambda: {"ready": True}, bytes, HealthLimits(deadline_s=0.3))
    with contextlib.closing(server), socket.create_connection(("127.0.0.1", server.port), 0.05) as slow:
        has_ended = False
        while not has_ended:
            try:
                slow.sendall(b"G")
                has_ended = slow.recv(1) == b""
            except TimeoutError:
                pass  # not yet
            except OSError:
                has_ended = True


def test_a_head_without_an_end_is_not_kept() -> None:
    server = HealthServer(0, lambda: {"ready": True}, bytes)
    with (
        contextlib.closing(server),
        socket.create_connection(("127.0.0.1", server.port), 20) as endless,
        contextlib.suppress(ConnectionResetError, BrokenPipeError),
    ):
        for _ in range(10_000):
            endless.sendall(b"x" * 1000)
        pytest.fail("10 MB were taken")


def told(url: str, request: bytes) -> bytes:
    """All that comes back, long before the deadline."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as asking:
        asking.sendall(request)
        return b"".join(iter(lambda: asking.recv(1 << 16), b""))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("headers", [[], [b"Host: x"], [b"Host: x", b"Accept: */*"]])
def test_lines_may_end_without_a_carriage_return(end: bytes, headers: list[bytes], url: str) -> None:
    request = end.join([b"GET /health HTTP/1.1", *headers, b"", b""])
    assert told(url, request).startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize(
    "request_", [b"\n", b"\r\n\r\n", b"GET /health\n", b"GET  HTTP/1.1\r\n", b"\x16\x03\x01 tls\n", b"GET / x y\n"]
)
def test_what_is_no_request_is_refused_at_once(request_: bytes, url: str) -> None:
    assert told(url, request_).startswith(b"HTTP/1.0 400 ")


def test_headers_without_an_end_are_refused(url: str) -> None:
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        assert told(url, b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 5000).startswith(b"HTTP/1.0 400 ")


def test_a_status_that_fails_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> dict[str, Any]:
        raise LookupError("internals")

    server = HealthServer(0, fail, bytes)
    with contextlib.closing(server), caplog.at_level(logging.ERROR):
        code, body = get(f"http://127.0.0.1:{server.port}/ready")
    assert (code, "internals" in str(body)) == (500, False)
    assert "LookupError" in caplog.text


def test_other_methods_are_not_answered(url: str) -> None:
    request = urllib.request.Request(f"{url}/health", method="POST", data=b"x")
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(request, timeout=20)


def test_it_listens_on_the_address_that_is_set_alone() -> None:
    server = HealthServer(0, lambda: {"ready": True}, bytes, HealthLimits(host="127.0.0.1"))
    try:
        assert get(f"http://127.0.0.1:{server.port}/health")[0] == 200
        assert get(f"http://127.0.0.2:{server.port}/health") == (0, {})
    finally:
        server.close()
