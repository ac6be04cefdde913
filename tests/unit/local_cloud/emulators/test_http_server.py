"""A caller that goes away is no error of the server's; a fault of the handler's is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from local_cloud.emulators.http_server import LoopbackServer
from tests._support.servers.http_server import reset, running
from tests._support.waiting import PATIENCE_S

ASK = b"GET / HTTP/1.0\r\n\r\n"


class Observed(LoopbackServer):
    """`has_ended` is set once its only connection is over, and told if it has to be."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(handler)
        self.has_ended = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.has_ended.set()


@contextmanager
def asked(handler: type[BaseHTTPRequestHandler]) -> Iterator[socket.socket]:
    """The connection of a caller that has sent its request; after the block all of it is over."""
    with Observed(handler) as server, running(server):
        with socket.create_connection(("127.0.0.1", server.server_port)) as caller:
            caller.sendall(ASK)
            yield caller
        assert server.has_ended.wait(PATIENCE_S)


def test_a_caller_that_goes_away_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    began, gone = threading.Event(), threading.Event()
    raised: list[OSError] = []

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            began.set()
            gone.wait(PATIENCE_S)
            try:
                while True:
                    self.wfile.write(bytes(1_000))
            except OSError as error:
                raised.append(error)
                raise

    with asked(Slow) as caller:
        assert began.wait(PATIENCE_S)
        reset(caller)
        gone.set()
    assert len(raised) == 1
    assert capsys.readouterr().err == ""


def test_a_fault_of_the_handler_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Wrong(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raise ValueError("a slip")

    with asked(Wrong) as caller:
        assert caller.recv(1) == b""
    assert "ValueError: a slip" in capsys.readouterr().err
