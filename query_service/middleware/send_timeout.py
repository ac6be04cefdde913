"""Sends answers in chunks with backpressure, within time and memory limits. Plain ASGI.

The limits of a query end when sending begins: without these, a stalled reader would hold memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_service.errors import sending_error

CHUNK_BYTES: Final = 64 * 1024
"""Chunk size. A connection costs as much memory anyway: uvicorn reads ahead that far."""

CUT_OFF_IN_SCOPE: Final = "flights.cut_off"
"""Where an answered request's scope says that its reader was cut off: true, or not there."""

TRANSPORT_IN_STATE: Final = "flights.transport"


@dataclass(frozen=True)
class Transport:
    """`drain` returns once all that was sent has left the process; `abort` resets the connection at once."""

    drain: Callable[[], Awaitable[None]]
    abort: Callable[[], None]


def transport_of(scope: Scope) -> Transport | None:
    """The transport of a request's connection; None under a server other than ours."""
    transport: Transport | None = scope.get("state", {}).get(TRANSPORT_IN_STATE)
    return transport


def with_transport(scope: Scope, transport: Transport) -> Scope:
    """The scope of a request that came over `transport`."""
    return {**scope, "state": {**scope.get("state", {}), TRANSPORT_IN_STATE: transport}}


class SendBudget:
    """Counts the bytes of bodies being sent. For one event loop; not thread-safe."""

    def __init__(self, max_bytes: int, changed: Callable[[int], None]) -> None:
        """`changed` is called with the number of bytes after each change."""
        self._max_bytes = max_bytes
        self._changed = changed
        self._readers: Counter[int] = Counter()  # by the identity of a body: kept answers have one for all readers
        self._bytes = 0

    def check_room(self) -> None:
        """Call it before making a large answer. Raises ProblemError (503).

        The size of an answer is not known yet, so `max_bytes` may be exceeded: by one answer for
        each that is made at once, and by answers from the result cache, which is bounded too.
        """
        if self._bytes >= self._max_bytes:
            raise sending_error(self._max_bytes)

    @contextmanager
    def sent(self, body: bytes) -> Iterator[None]:
        """Counts `body` while the block runs. A body of one chunk is not counted."""
        if len(body) <= CHUNK_BYTES:
            yield
            return
        self._count(body, 1)
        try:
            yield
        finally:
            self._count(body, -1)

    def _count(self, body: bytes, readers: int) -> None:
        before = self._readers.pop(id(body), 0)
        if before + readers > 0:
            self._readers[id(body)] = before + readers
        self._bytes += len(body) * ((before + readers > 0) - (before > 0))
        self._changed(self._bytes)


class SendTimeoutMiddleware:
    """Sends each chunk after the previous one is drained; aborts after `timeout_s`."""

    def __init__(self, app: ASGIApp, send_budget: SendBudget, timeout_s: float) -> None:
        self._app = app
        self._send_budget = send_budget
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        transport = transport_of(scope)

        heads: list[Message] = []  # one, until its body comes: while it waits to be sent, that has to be counted

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit.reschedule(asyncio.get_running_loop().time() + self._timeout_s)
                heads.append(message)
                return
            with self._send_budget.sent(message.get("body", b"")):
                while heads:
                    await send(heads.pop())
                for chunk in _chunks(message):
                    await send(chunk)
                    if transport is not None:
                        await transport.drain()
                    if CUT_OFF_IN_SCOPE in scope:  # by the server, which needed the place
                        return

        try:
            async with asyncio.timeout(None) as limit:
                await self._app(scope, receive, sending)
        except TimeoutError:
            if not limit.expired():
                raise
            scope[CUT_OFF_IN_SCOPE] = True
            if transport is None:
                raise  # another server: it closes the connection when an answer breaks off
            transport.abort()
            await asyncio.sleep(0)  # the server hears of it before the request ends


def _chunks(message: Message) -> Iterator[Message]:
    body = message.get("body", b"")
    if len(body) <= CHUNK_BYTES:
        yield message
        return
    for start in range(0, len(body), CHUNK_BYTES):
        end = start + CHUNK_BYTES
        is_last = end >= len(body) and not message.get("more_body", False)
        yield {**message, "body": body[start:end], "more_body": not is_last}
