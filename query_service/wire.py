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
from typing import Final

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WIRE_IN_STATE: Final = "flights.wire"
_KERNEL_BYTES: Final = 256 * 1024  # held for a reader: 2.5 MB/s to who is 100 ms away, more to who is nearer
_HEAD_BYTES: Final = 64 * 1024  # request line and headers: what the other parser takes
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds


@dataclass(frozen=True)
class Wire:
    """`gone` returns once all that was sent has left the process; `cut` ends the connection at once, with a reset."""

    gone: Callable[[], Awaitable[None]]
    cut: Callable[[], None]


def wire_of(scope: Scope) -> Wire | None:
    """The connection that a request came over; None when the server is not this one."""
    wire: Wire | None = scope.get("state", {}).get(_WIRE_IN_STATE)
    return wire


def with_wire(scope: Scope, wire: Wire) -> Scope:
    """The scope of a request that came over `wire`."""
    return {**scope, "state": {**scope.get("state", {}), _WIRE_IN_STATE: wire}}


class Connection(HttpToolsProtocol):
    """What uvicorn speaks HTTP/1.1 with; each request finds its Wire.

    Of uvicorn's two parsers this one, in C, takes half of the other's time; unlike that, it takes a head of any length.
    """

    _is_in_head = False
    _whole_heads = 0
    _head_bytes = 0  # of one that is not whole yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `gone` is: nothing is left, not: less than 64 kB
        wire = Wire(self.flow.drain, partial(_reset, transport))
        self.app_state = {**self.app_state, _WIRE_IN_STATE: wire}  # uvicorn puts a copy into each request's scope

    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._whole_heads += 1
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        whole_before = self._whole_heads
        super().data_received(data)
        is_same_head = self._is_in_head and self._whole_heads == whole_before
        self._head_bytes = self._head_bytes + len(data) if is_same_head else 0
        if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
