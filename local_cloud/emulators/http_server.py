"""A small HTTP server on the loopback, a thread a connection, for what stands in for a service."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

CALLER_IS_GONE: Final = (BrokenPipeError, ConnectionResetError)
"""What writing to a caller raises who did not wait for the end."""


class LoopbackServer(ThreadingHTTPServer):
    """Listens at a free port. A caller that goes away early is not an error; all else is told."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), CALLER_IS_GONE):
            super().handle_error(request, client_address)
