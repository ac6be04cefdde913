"""Opens the sockets of a host and a port."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from lakehouse.errors import ConfigError


def listen(host: str, port: int, closing: ExitStack) -> list[socket.socket]:
    """A bound TCP socket for each address of `host`; `closing` closes them. Port 0 picks a free one for each.

    The server calls listen() on them once the application has started. Raises ConfigError when an address cannot be
    had.
    """
    sockets = []
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):  # localhost may be in a hosts file twice
            # With the protocol number: asyncio sets TCP_NODELAY on accepted sockets only where their listener has it.
            # Without TCP_NODELAY the body of an answer waits 40 ms for the acknowledgement of its head.
            bound = closing.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a process that has just ended
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 is an address of its own
            bound.bind(address)
            sockets.append(bound)
    except OSError as error:
        raise ConfigError(f"API_HOST is {host} and PORT is {port}: {error.strerror}") from None
    return sockets
