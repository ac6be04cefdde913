"""Stands between readers and the local Cloud Storage, and notes what they ask for."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit

_ANSWERS_WITHIN_S = 60.0
_OF_ONE_CONNECTION = ("connection", "transfer-encoding", "content-length")


@dataclass
class Traffic:
    """Since the last look: the paths of all requests, and how many bytes came back."""

    url: str = ""
    """The value for STORAGE_EMULATOR_HOST."""
    paths: list[str] = field(default_factory=list)
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        with self._lock:
            self.paths, self.bytes = [], 0

    def note(self, path: str, size: int) -> None:
        with self._lock:
            self.paths.append(unquote(path))
            self.bytes += size

    @property
    def objects(self) -> list[str]:
        """Downloads through Google's own client: whole objects."""
        return [path for path in self.paths if "alt=media" in path]

    @property
    def listings(self) -> int:
        """What Google's own client asked for besides objects."""
        return len(self.paths) - len(self.objects)

    def objects_of(self, prefix: str) -> int:
        """Downloads of objects whose name begins with it."""
        return sum(f"/o/{prefix}" in path for path in self.objects)


@contextmanager
def counted(server: str) -> Iterator[Traffic]:
    """A server that passes requests on to `server`, until the block ends."""
    traffic = Traffic()

    class Passing(_Passing):
        upstream = urlsplit(server).netloc
        noted = traffic

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as between:
        traffic.url = f"http://127.0.0.1:{between.server_address[1]}"
        thread = threading.Thread(target=between.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield traffic
        finally:
            between.shutdown()
            thread.join()


class _Passing(BaseHTTPRequestHandler):
    """Readers only read: GET, and HEAD of those that ask for the size first."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: ClassVar[str]
    noted: ClassVar[Traffic]

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection(self.upstream, timeout=_ANSWERS_WITHIN_S)
        # Without the host: the server serves objects by their paths under its own alone.
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        self.noted.note(self.path, len(body))  # before the reader knows: it may look at once
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass
