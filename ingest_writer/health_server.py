"""Answers /health, /ready and /metrics of a writer or compactor over HTTP, from its own thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lakehouse.errors import ConfigError
from lakehouse.telemetry.prometheus import CONTENT_TYPE

Status = Callable[[], Mapping[str, Any]]
"""What /ready shows; `ready` in it decides between 200 and 503."""

Page = Callable[[], bytes]
"""The metrics of now, in the text format."""


class HealthServer:
    """Listens on `port` (0 picks one) until it is closed. Raises OSError when the port is taken."""

    def __init__(self, port: int, status: Status, metrics: Page) -> None:
        class Handler(_Handler):
            ready_status = staticmethod(status)
            metrics_page = staticmethod(metrics)

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def listen(setting: str, port: int, status: Status, metrics: Page) -> HealthServer:
    """A server on the port that a setting names. Raises ConfigError when it is taken."""
    try:
        return HealthServer(port, status, metrics)
    except OSError as error:
        raise ConfigError(f"{setting} is {port}: {error.strerror}") from None


class _Handler(BaseHTTPRequestHandler):
    ready_status: Status
    metrics_page: Page
    timeout = 10  # seconds for one request: a slow client does not hold a thread

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        elif self.path == "/ready":
            status = self.ready_status()
            self._answer(200 if status["ready"] else 503, status)
        elif self.path == "/metrics":
            self._send(200, CONTENT_TYPE, self.metrics_page())
        else:
            self._answer(404, {"title": "there are /health, /ready and /metrics here"})

    def _answer(self, code: int, body: Mapping[str, Any]) -> None:
        self._send(code, "application/json", json.dumps(body).encode())

    def _send(self, code: int, content_type: str, data: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def version_string(self) -> str:
        """Does not reveal the version of Python."""
        return "flights"

    def log_message(self, format: str, *args: Any) -> None:
        """Probes every few seconds need no log line."""
