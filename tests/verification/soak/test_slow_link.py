"""The link passes requests on at once, and keeps them back while it is slow."""

from __future__ import annotations

import time
import urllib.request
from http.server import BaseHTTPRequestHandler

from tests._support.servers.http_server import serving_with
from tests.verification.soak.slow_link import SlowLink


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_request_passes_and_waits_while_the_link_is_slow() -> None:
    with serving_with(_Handler) as server, SlowLink(server.server_address[1]) as link:
        assert _get(f"{link.url}/quick") == b"/quick"
        link.delay_s = 0.5
        began = time.monotonic()
        assert _get(f"{link.url}/slow") == b"/slow"
        assert time.monotonic() - began >= 0.5
        link.delay_s = 0.0
        assert _get(f"{link.url}/again") == b"/again"
        assert server.connections == 3


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20.0) as response:
        body: bytes = response.read()
        return body
