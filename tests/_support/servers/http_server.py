"""A small HTTP server of a test's own, in threads."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from local_cloud.emulators.http_server import LoopbackServer


class Server(LoopbackServer):
    """Counts connections."""

    connections = 0

    def get_request(self) -> tuple[object, object]:  # type: ignore[override]
        self.connections += 1
        return super().get_request()


@contextmanager
def serving_with(handler: type[BaseHTTPRequestHandler]) -> Iterator[Server]:
    with Server(handler) as server, running(server):
        yield server


@contextmanager
def running(server: LoopbackServer) -> Iterator[None]:
    """The server answers until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def reset(connection: socket.socket) -> None:
    """Ends it as a caller that broke off: whatever the other side still writes fails."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
