"""uvicorn's HTTP protocol, with `drain` and `abort` for senders and limits on what it buffers.

A plain `close()` waits until all written bytes are gone, which may be never. The kernel would
buffer 4 MB for each reader and hide stalled ones; the send buffer is therefore small.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import partial
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from query_service.middleware.send_timeout import TRANSPORT_IN_STATE, Transport

_KERNEL_BYTES: Final = 256 * 1024  # send buffer: 2.5 MB/s at 100 ms round trip, more at less
_HEAD_BYTES: Final = 64 * 1024
_WAITING_REQUESTS: Final = 16  # on one connection: only callers that pipeline have any
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds


class Connection(HttpToolsProtocol):
    """uvicorn's httptools protocol with the overrides that correctness and memory need (ADR 19).

    - Each request has its Transport in its scope.
    - The size of a head, of trailers and of a queue of pipelined requests is limited.
    - Trailers, and bytes after a protocol upgrade, never become part of a request.

    httptools is much faster than h11, uvicorn's other parser, which needs none of this.
    """

    _endless_bytes = 0  # taken since a request began or a part of its body came
    _has_ended = False  # what comes now belongs to no request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `drain` is: nothing is left, not: less than 64 kB
        way_out = Transport(self.flow.drain, partial(_reset, transport))
        self.app_state = {
            **self.app_state,
            TRANSPORT_IN_STATE: way_out,
        }  # uvicorn puts a copy into each request's scope

    def data_received(self, data: bytes) -> None:
        if self._has_ended:
            return
        self._endless_bytes += len(data)
        super().data_received(data)
        if self._endless_bytes > self._head_bytes and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _WAITING_REQUESTS:
            raise _TooManyRequestsError  # the parser stops, and calls it an invalid request
        self._endless_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._endless_bytes = 0
        self.headers = []  # fields behind the body: the request has the list that was here before

    def on_body(self, body: bytes) -> None:
        self._endless_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuses an invalid request, but only after the answers that are still owed."""
        if self._is_answering:
            self._end()
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """The request is answered in this protocol. The parser leaves its body unread: it would be the next request."""
        self._end()

    def _end(self) -> None:
        """The answer to the last request that came says that the connection ends with it."""
        self._has_ended = True
        self.cycle.keep_alive = False

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # at first

    @property
    def _head_bytes(self) -> int:
        """The setting that uvicorn has for its other parser; without one, what that takes."""
        return self.config.h11_max_incomplete_event_size or _HEAD_BYTES


class _TooManyRequestsError(Exception):
    """More requests have come than may wait for their answers on one connection."""


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
