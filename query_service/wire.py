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
from uvicorn.protocols.http.h11_impl import H11Protocol

_WIRE_IN_STATE: Final = "flights.wire"
_KERNEL_BYTES: Final = 256 * 1024  # held for a reader: 2.5 MB/s to who is 100 ms away, more to who is nearer
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


class Connection(H11Protocol):
    """What uvicorn speaks HTTP/1.1 with; each request finds its Wire."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `gone` is: nothing is left, not: less than 64 kB
        wire = Wire(self.flow.drain, partial(_reset, transport))
        self.app_state = {**self.app_state, _WIRE_IN_STATE: wire}  # uvicorn puts a copy into each request's scope


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
