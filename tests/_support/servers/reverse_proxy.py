"""A small reverse proxy that serves a service below /flights/, and nothing else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests._support.servers.http_server import serving_with

PREFIX = "/flights"
_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive", "date", "server")


@contextmanager
def mounted(service: str, takes_prefix_off: bool) -> Iterator[str]:
    """The URL of a proxy in front of the service at the URL `service`; below it, at PREFIX, is the service."""
    upstream = urlsplit(service)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != PREFIX and not self.path.startswith((f"{PREFIX}/", f"{PREFIX}?")):
                self.send_error(404)
                return
            path = self.path.removeprefix(PREFIX) if takes_prefix_off else self.path
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)
            with closing(connection):
                connection.request(self.command, path or "/", headers=dict(self.headers.items()))
                answer = connection.getresponse()
                body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with serving_with(Handler) as server:
        yield server.url
