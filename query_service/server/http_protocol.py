"""uvicorn's HTTP protocol, with `drain` and `abort` for senders and limits on what it buffers.

A plain `close()` waits until all written bytes are gone, which may be never. The kernel would
buffer 4 MB for each reader and hide stalled ones; the send buffer is therefore small.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from functools import partial
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from query_service.errors import connections_error
from query_service.middleware.send_timeout import TRANSPORT_IN_STATE, Transport
from query_service.problems import problem_response

_KERNEL_BYTES: Final = 256 * 1024  # send buffer: 2.5 MB/s at 100 ms round trip, more at less
_HEAD_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds

_log = logging.getLogger(__name__)


class Slot(Protocol):
    """A connection, as far as it matters here."""

    def give_way(self) -> None:
        """Closes it: others need its place more."""


class ConnectionSlots:
    """At most `max_connections` are open at once."""

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._open: set[Slot] = set()
        self._idle: dict[Slot, None] = {}  # in the order in which they began to wait

    def admit(self, slot: Slot) -> bool:
        """Takes a new connection, if need be in the place of an idle one; False when all others are busy."""
        if len(self._open) >= self._max_connections and not self._make_room():
            _log.warning("a connection is refused: %d are open, all of them busy", self._max_connections)
            return False
        self._open.add(slot)
        self._idle[slot] = None
        return True

    def busy(self, slot: Slot) -> None:
        """A whole head has come: the connection is not closed before its answer."""
        self._idle.pop(slot, None)

    def idle(self, slot: Slot) -> None:
        """Its answer has been sent."""
        if slot in self._open:
            self._idle.pop(slot, None)
            self._idle[slot] = None

    def left(self, slot: Slot) -> None:
        """The connection has ended."""
        self._open.discard(slot)
        self._idle.pop(slot, None)

    def _make_room(self) -> bool:
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self.left(longest)
        longest.give_way()
        _log.warning("the connection that was idle longest is closed for a new one: %d are open", self._max_connections)
        return True


class Connection(HttpToolsProtocol):
    """uvicorn's httptools protocol with the overrides that correctness and memory need (ADR 19).

    Each request finds its Transport. There are only so many connections, and the one that is idle longest gives way
    to a new one. What has no end is not kept: a head, fields behind a body, requests that wait for
    the answer before theirs. And what comes behind a body, or behind a request for another protocol, is part of no
    request.

    httptools is much faster than h11, uvicorn's other parser, which needs none of this.
    """

    _endless_bytes = 0  # taken since a request began or a part of its body came
    _has_ended = False  # what comes now belongs to no request

    def __init__(
        self, *given: Any, slots: ConnectionSlots | None = None, waiting_requests: int = sys.maxsize, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._waiting_requests = waiting_requests
        self._slots = slots or ConnectionSlots(sys.maxsize)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._slots.admit(self):
            transport.write(_REFUSAL)
            transport.close()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `drain` is: nothing is left, not: less than 64 kB
        way_out = Transport(self.flow.drain, partial(_reset, transport))
        self.app_state = {
            **self.app_state,
            TRANSPORT_IN_STATE: way_out,
        }  # uvicorn puts a copy into each request's scope

    def connection_lost(self, exc: Exception | None) -> None:
        self._slots.left(self)
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Ends a connection without a request under way."""
        self._unset_keepalive_if_required()
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._has_ended:
            return
        self._endless_bytes += len(data)
        super().data_received(data)
        if self._endless_bytes > self._head_bytes and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= self._waiting_requests:
            raise _TooManyRequestsError  # the parser stops, and calls it an invalid request
        self._endless_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Without the blanks behind a value, which are no part of it (RFC 9110, 5.5); the parser takes those before."""
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self._slots.busy(self)
        super().on_headers_complete()
        self._endless_bytes = 0
        self.headers = []  # fields behind the body: the request has the list that was here before

    def on_body(self, body: bytes) -> None:
        self._endless_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering:
            self._slots.idle(self)

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


def _refusal() -> bytes:
    """A whole answer, for a connection that is not read."""
    answer = problem_response(connections_error().problem)
    head = [b"%s: %s" % header for header in [*answer.raw_headers, (b"connection", b"close")]]
    return b"\r\n".join([b"HTTP/1.1 503 Service Unavailable", *head, b"", bytes(answer.body)])


_REFUSAL: Final = _refusal()


class _TooManyRequestsError(Exception):
    """More requests have come than may wait for their answers on one connection."""


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
