"""A connection as whoever sends over it needs it: uvicorn's protocol, plus when bytes have gone, and a way to end it.

Without it a server keeps what nobody reads: `close()` waits until all that was written has gone, which may be never.
And a kernel takes 4 MB for each reader, most answers whole: nobody would notice those who do not take them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import CLOSE_HEADER, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_TRANSPORT_IN_STATE: Final = "flights.wire"
_KERNEL_BYTES: Final = 256 * 1024  # held for a reader: 2.5 MB/s to who is 100 ms away, more to who is nearer
_HEAD_BYTES: Final = 64 * 1024  # request line and headers: what the other parser takes
_HEAD_S: Final = 30.0  # until it has come, from the connection or the answer before: a head is a packet or two
_PARSED_BYTES: Final = 1024  # a usual request; of the shortest ones fifty, each of which takes far more than its bytes
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds


@dataclass(frozen=True)
class Transport:
    """`gone` returns once all that was sent has left the process; `cut` ends the connection at once, with a reset."""

    gone: Callable[[], Awaitable[None]]
    cut: Callable[[], None]


def transport_of(scope: Scope) -> Transport | None:
    """The connection that a request came over; None when the server is not this one."""
    wire: Transport | None = scope.get("state", {}).get(_TRANSPORT_IN_STATE)
    return wire


def with_transport(scope: Scope, wire: Transport) -> Scope:
    """The scope of a request that came over `wire`."""
    return {**scope, "state": {**scope.get("state", {}), _TRANSPORT_IN_STATE: wire}}


class Connection(HttpToolsProtocol):
    """What uvicorn speaks HTTP/1.1 with; each request finds its Wire.

    Of uvicorn's two parsers this one, in C, is the faster by far; unlike the other, it takes a head of any length,
    as many requests as come in one go, and fields behind a body as if they were headers.
    """

    flow: _Flow
    _is_in_fields = False  # of a head, or behind a body
    _is_behind_head = False
    _whole_fields = 0
    _field_bytes = 0  # of those that are not whole yet
    _is_over = False  # no request comes any more
    _answering: RequestResponseCycle | None = None  # the last that was begun; `cycle` is the last that came
    _patience: asyncio.TimerHandle | None = None  # while nothing is asked

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `gone` is: nothing is left, not: less than 64 kB
        self.flow = _Flow(transport)
        self._unparsed = bytearray()
        wire = Transport(self.flow.drain, partial(_reset, transport))
        self.app_state = {**self.app_state, _TRANSPORT_IN_STATE: wire}  # uvicorn puts a copy into each request's scope
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self._watch()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        self._is_in_fields, self._is_behind_head = True, False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_behind_head:  # what comes behind a body is nothing that anybody here asks for
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_fields()
        self._is_behind_head = True
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """The last chunk has no body: fields may follow."""
        self._is_in_fields = True

    def on_body(self, body: bytes) -> None:
        self._end_fields()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._end_fields()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._parse()

    def data_received(self, data: bytes) -> None:
        if not self._is_over:
            self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        """As much of what has come as leaves few requests waiting; no more is read while there is a rest."""
        while self._unparsed and not self.pipeline and not self.transport.is_closing():
            data = bytes(self._unparsed[:_PARSED_BYTES])
            del self._unparsed[:_PARSED_BYTES]
            self._parse_piece(data)
            if self._is_over:
                self._unparsed.clear()
        self.flow.hold(bool(self._unparsed))
        self._watch()

    def _watch(self) -> None:
        """Ends a connection over which nothing is asked for long: uvicorn only does while it is wholly silent."""
        is_idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        if is_idle and not self.transport.is_closing():
            if self._patience is None:
                self._patience = self.loop.call_later(_HEAD_S, self.transport.close)
        elif self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _parse_piece(self, data: bytes) -> None:
        whole_before = self._whole_fields
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end_after_upgrade()
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("Invalid HTTP request received.")
        are_same_fields = self._is_in_fields and self._whole_fields == whole_before
        self._field_bytes = self._field_bytes + len(data) if are_same_fields else 0
        if self._field_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def _end_after_upgrade(self) -> None:
        """The request is answered as if it asked for no other protocol, and is the last one: the parser leaves its body
        unread, which would be taken for a request.
        """
        self._is_over = True
        self.headers.append(CLOSE_HEADER)  # as if the caller had said it: the answer says it too
        self.cycle.keep_alive = False

    def _end_fields(self) -> None:
        self._is_in_fields = False
        self._whole_fields += 1


class _Flow(FlowControl):
    """Reads no more while it is held, whoever asks for it: uvicorn does so for every request."""

    _is_held = False

    def hold(self, held: bool) -> None:
        was_held, self._is_held = self._is_held, held
        if held:
            self.pause_reading()
        elif was_held:
            self.resume_reading()

    def resume_reading(self) -> None:
        if not self._is_held:
            super().resume_reading()


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
