"""A connection as whoever sends over it needs it: uvicorn's protocol, plus when bytes have gone, and a way to end it.

Without it a server keeps what nobody reads: `close()` waits until all that was written has gone, which may be never.
And a kernel takes 4 MB for each reader, most answers whole: nobody would notice those who do not take them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import partial
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from query_service.middleware.send_timeout import TRANSPORT_IN_STATE, Transport

_KERNEL_BYTES: Final = 256 * 1024  # held for a reader: 2.5 MB/s to who is 100 ms away, more to who is nearer
_HEAD_BYTES: Final = 64 * 1024
_WAITING_REQUESTS: Final = 16  # on one connection: nobody who waits for an answer before he asks again has any
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds


class Connection(HttpToolsProtocol):
    """What uvicorn speaks HTTP/1.1 with, and three things that its parser in C does not do by itself (ADR 19).

    Each request finds its Transport. What has no end is not kept: a head, fields behind a body, requests that wait for
    the answer before theirs. And what comes behind a body, or behind a request for another protocol, is part of no
    request.

    httptools is the faster of uvicorn's two parsers by far; the other one needs none of this.
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
        """What is invalid is refused, but not in the middle of an answer: those that are owed come first."""
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
