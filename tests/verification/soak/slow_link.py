"""A link to a server that can be made slow: it passes bytes on, after a while if told so."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Final

_PIECE_BYTES: Final = 1 << 16


class SlowLink:
    """`with SlowLink(port) as link:` takes connections at `link.url`.

    Every piece of a request waits `delay_s` before it goes on to the server.
    """

    def __init__(self, server_port: int) -> None:
        self.delay_s = 0.0
        self._server_port = server_port
        self._lock = threading.Lock()
        self._open: dict[socket.socket, socket.socket] = {}
        """The ends of all connections: of the client, and of the server."""
        self._threads: set[threading.Thread] = set()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="slow link", daemon=True)

    def __enter__(self) -> SlowLink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        _shut(self._listener)
        self._thread.join()
        self._listener.close()
        with self._lock:
            threads = list(self._threads)
            for ends in self._open.items():
                for end in ends:
                    _shut(end)
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            with self._lock:
                self._threads.add(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, until both sides have closed it."""
        with client, contextlib.suppress(OSError):
            self._join(client, socket.create_connection(("127.0.0.1", self._server_port)))
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        with server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open[client] = server
            back = threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True)
            back.start()
            self._pass_on(client, server, True)
            back.join()
            with self._lock:
                del self._open[client]

    def _pass_on(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):  # either side may break off
            while piece := source.recv(_PIECE_BYTES):
                if is_request and self.delay_s > 0:
                    self._closed.wait(self.delay_s)
                target.sendall(piece)
        _shut(target, socket.SHUT_WR)


def _shut(end: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Wakes who waits for it."""
    with contextlib.suppress(OSError):
        end.shutdown(how)
