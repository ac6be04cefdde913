"""Answers /health, /ready and /metrics of a writer or compactor over HTTP, from one thread with an event loop.

A caller has so long for a whole request and its answer, and there are only so many callers: slow ones hold up nobody.
"""

from __future__ import annotations

import asyncio
import http
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lakehouse.errors import ConfigError
from lakehouse.telemetry.prometheus import CONTENT_TYPE

Status = Callable[[], Mapping[str, Any]]
"""What /ready shows; `ready` in it decides between 200 and 503."""

Page = Callable[[], bytes]
"""The metrics of now, in the text format."""


@dataclass(frozen=True)
class HealthLimits:
    """What callers of the port may take; the settings say why their defaults are what they are."""

    deadline_s: float = 10.0
    max_connections: int = 32
    host: str = "0.0.0.0"  # noqa: S104
    """The address of the interface that they come over."""


_HEAD_BYTES: Final = 16_384
_BACKLOG: Final = 16

_log = logging.getLogger(__name__)


class HealthServer:
    """Listens on `port` (0 picks one) until it is closed. Raises OSError when the port is taken."""

    def __init__(
        self,
        port: int,
        status: Status,
        metrics: Page,
        limits: HealthLimits = HealthLimits(),
    ) -> None:
        self._status = status
        self._metrics = metrics
        self._limits = limits
        self._open: dict[asyncio.StreamWriter, None] = {}  # the first one came first
        self._socket = _bound(limits.host, port)
        self.port: int = self._socket.getsockname()[1]
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._on_connection, sock=self._socket, limit=_HEAD_BYTES, backlog=_BACKLOG)
        await self._stopping.wait()
        server.close()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self._limits.max_connections:
            first = next(iter(self._open))
            del self._open[first]
            first.transport.abort()
        self._open[writer] = None
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                request = await _request_line(reader)
                writer.write(_NO_REQUEST if request is None else self._answer(*request))
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, ValueError):
            pass  # too slow, gone, or a line without an end: nobody to tell
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    def _answer(self, method: bytes, path: bytes) -> bytes:
        if method != b"GET":
            return _json(405, {"title": "only GET is answered here"})
        try:
            return self._page(path)
        except Exception:  # noqa: BLE001 - whatever it is, others go on being answered
            _log.exception("%s: unexpected error", path.decode("latin-1"))
            return _json(500, {"title": "unexpected error; the log says why"})

    def _page(self, path: bytes) -> bytes:
        match path:
            case b"/health":
                return _json(200, {"status": "ok"})
            case b"/ready":
                status = self._status()
                return _json(200 if status["ready"] else 503, status)
            case b"/metrics":
                return _whole(200, CONTENT_TYPE, self._metrics())
            case _:
                return _json(404, {"title": "there are /health, /ready and /metrics here"})


async def _request_line(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """Method and path, once the whole head has come; None, at once, when it is none.

    Lines end with or without a carriage return: probes are often written by hand. Raises ValueError for a line that is
    too long.
    """
    parts = (await reader.readline()).split()
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/"):
        return None
    left = _HEAD_BYTES
    while (line := await reader.readline()).strip(b"\r\n"):
        left -= len(line)
        if left < 0:
            return None
    return (parts[0], parts[1]) if line else None  # else the caller has gone in the middle


def listen(
    setting: str, port: int, status: Status, metrics: Page, limits: HealthLimits = HealthLimits()
) -> HealthServer:
    """A server on the port that a setting names. Raises ConfigError when it cannot be had."""
    try:
        return HealthServer(port, status, metrics, limits)
    except OSError as error:
        raise ConfigError(f"{setting} is {port}: {error.strerror} (at {limits.host})") from None


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a process that has just ended
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _json(code: int, body: Mapping[str, Any]) -> bytes:
    return _whole(code, "application/json", json.dumps(body).encode())


def _whole(code: int, content_type: str, body: bytes) -> bytes:
    """An answer after which the connection ends. Does not reveal the version of Python."""
    head = (
        f"HTTP/1.0 {code} {http.HTTPStatus(code).phrase}\r\nServer: flights\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_NO_REQUEST: Final = _json(400, {"title": "this is no HTTP request"})
