"""uvicorn's HTTP protocol, with `drain` and `abort` for senders and limits on what it buffers.

A plain `close()` waits until all written bytes are gone, which may be never. The kernel would
buffer 4 MB for each reader and hide stalled ones; the send buffer is therefore small.
"""

from __future__ import annotations

import asyncio
import http
import itertools
import logging
import math
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Protocol

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lakehouse.telemetry import logs
from query_service import problems
from query_service.errors import Problem, connections_error, no_request_error
from query_service.middleware.access_log import network
from query_service.middleware.send_timeout import CUT_OFF_IN_SCOPE, TRANSPORT_IN_STATE, Transport

_KERNEL_BYTES: Final = 256 * 1024  # send buffer: 2.5 MB/s at 100 ms round trip, more at less
_HEAD_BYTES: Final = 64 * 1024
_PROBES: Final = (b"/health", b"/ready")  # below any prefix; no other path that ends so costs anything
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # linger, 0 seconds

_log = logging.getLogger(__name__)
# We log it with the id of the answer.
logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg != "Invalid HTTP request received.")


class Slot(Protocol):
    """A connection, as far as it matters here."""

    def give_way(self) -> None:
        """Closes it: others need its place more."""


class ConnectionSlots:
    """At most `max_connections` are open at once, and a few more that may only probe.

    When all places are taken, one gives way to a new connection: the one that is idle longest, else the one whose
    reader has taken nothing for longest. Callers with more than their share go first, and a new connection of such a
    caller takes no place from others. Without one that can go, the new one may ask for /health and /ready alone.
    """

    def __init__(
        self,
        max_connections: int,
        *,
        per_caller: int = sys.maxsize,
        for_probes: int = 0,
        stall_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`per_caller` is a caller's share when places are short; who takes nothing for `stall_s` is stalled."""
        self._max_connections = max_connections
        self._per_caller = per_caller
        self._for_probes = for_probes
        self._stall_s = stall_s
        self._clock = clock
        self._open: dict[Slot, str] = {}  # the caller of each
        self._callers: Counter[str] = Counter()
        self._spare: dict[Slot, None] = {}  # beyond `max_connections`, the oldest first
        self._idle: dict[Slot, None] = {}  # in the order in which they began to wait
        self._sending: dict[Slot, float] = {}  # since when the reader has taken nothing, in that order

    def admit(self, slot: Slot, caller: str = "") -> bool:
        """Takes a new connection, if need be in the place of another; False when there is none for it."""
        is_spare = not self._has_room() and not self._make_room(caller)
        if is_spare and len(self._spare) >= self._for_probes and not self._close_one(self._idle_spare(), None):
            _log.warning("a connection is refused: %d are open, all of them busy", len(self._open))
            return False
        self._open[slot] = caller
        self._callers[caller] += 1
        self._idle[slot] = None
        if is_spare:
            self._spare[slot] = None
        return True

    def may_ask(self, slot: Slot) -> bool:
        """Whether it may ask for anything. It may not, as long as it is one too many: then it may probe."""
        if slot in self._spare and self._has_room():
            del self._spare[slot]
        return slot not in self._spare

    def busy(self, slot: Slot) -> None:
        """A whole head has come: the connection is not closed before its answer, unless its reader stalls."""
        self._idle.pop(slot, None)

    def idle(self, slot: Slot) -> None:
        """Its answer has been sent."""
        if slot in self._open:
            self._idle.pop(slot, None)
            self._idle[slot] = None

    def sending(self, slot: Slot) -> None:
        """Its reader has not taken all that was sent, from now on."""
        if slot in self._open:
            self._sending[slot] = self._clock()

    def sent(self, slot: Slot) -> None:
        """Its reader has taken everything so far."""
        self._sending.pop(slot, None)

    def left(self, slot: Slot) -> None:
        """The connection has ended."""
        caller = self._open.pop(slot, None)
        if caller is None:
            return
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]
        for waiting in (self._spare, self._idle, self._sending):
            waiting.pop(slot, None)

    def _has_room(self) -> bool:
        return len(self._open) - len(self._spare) < self._max_connections

    def _make_room(self, caller: str) -> bool:
        return self._close_one((slot for slot in self._idle if slot not in self._spare), caller) or self._close_one(
            self._stalled(), caller
        )

    def _stalled(self) -> Iterator[Slot]:
        before = self._clock() - self._stall_s
        regular = (slot for slot in self._sending if slot not in self._spare)
        return itertools.takewhile(lambda slot: self._sending[slot] <= before, regular)

    def _idle_spare(self) -> Iterator[Slot]:
        return (slot for slot in self._spare if slot in self._idle)

    def _close_one(self, candidates: Iterator[Slot], caller: str | None) -> bool:
        """Closes the first one of a caller with more than its share, else the first; of `caller` alone if it has it."""
        closed = self._chosen(candidates, caller)
        if closed is None:
            return False
        why = "idle longest" if closed in self._idle else "read too slowly"
        _log.warning("the connection that was %s is closed for a new one: %d are open", why, len(self._open))
        self.left(closed)
        closed.give_way()
        return True

    def _chosen(self, candidates: Iterator[Slot], caller: str | None) -> Slot | None:
        if caller is not None and self._callers[caller] >= self._per_caller:
            return next((slot for slot in candidates if self._open[slot] == caller), None)
        some = list(candidates)
        above = (slot for slot in some if self._callers[self._open[slot]] > self._per_caller)
        return next(above, some[0] if some else None)


class Connection(HttpToolsProtocol):
    """uvicorn's httptools protocol with the overrides that correctness and memory need (ADR 19).

    - Each request finds its Transport.
    - The number of connections is bounded. When all places are taken, an idle or stalled one is closed for a new one.
    - Buffers are bounded: request heads, trailer fields, and pipelined requests.
    - Trailer fields after a body, and bytes after an upgrade request, belong to no request.

    httptools is much faster than h11, uvicorn's other parser, which needs none of this.
    """

    _endless_bytes = 0  # taken since a request began or a part of its body came
    _has_ended = False  # what comes now belongs to no request

    def __init__(
        self,
        *given: Any,
        slots: ConnectionSlots | None = None,
        waiting_requests: int = sys.maxsize,
        root_path: str = "",
        **named: Any,
    ) -> None:
        super().__init__(*given, **named)
        self._prefix, self._waiting_requests = root_path, waiting_requests
        self._slots = slots or ConnectionSlots(sys.maxsize)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._is_admitted():
            transport.close()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        transport.set_write_buffer_limits(0)  # `drain` is: nothing is left, not: less than 64 kB
        way_out = Transport(self.flow.drain, partial(_reset, transport))
        self.app_state = {**self.app_state, TRANSPORT_IN_STATE: way_out}  # copied into each request's scope

    def _is_admitted(self) -> bool:
        """Whether there is a place; who gets none is told so."""
        known = logs.request_fields("", None, None)  # no request has been read
        with logs.bound(known):
            is_admitted = self._slots.admit(self, network(self.client[0]) if self.client else "")
        if not is_admitted:
            self._write(connections_error().problem, known[logs.REQUEST_ID])
        return is_admitted

    def connection_lost(self, exc: Exception | None) -> None:
        self._slots.left(self)
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Ends the connection; one whose answer is not read at once is reset, and its request hears of it."""
        self._unset_keepalive_if_required()
        if self.flow.write_paused:
            self.cycle.scope[CUT_OFF_IN_SCOPE] = True  # type: ignore[typeddict-unknown-key]
            _reset(self.transport)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._slots.sending(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._slots.sent(self)
        self._note_idle()

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
        self.app = self.config.loaded_app if self._may_ask() else partial(_refuse, self._prefix)
        super().on_headers_complete()
        self._endless_bytes = 0
        self.headers = []  # fields behind the body: the request has the list that was here before

    def on_body(self, body: bytes) -> None:
        self._endless_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note_idle()

    def _note_idle(self) -> None:
        """It waits for a request, and its reader has taken all answers, as far as is known."""
        if not self._is_answering and not self.flow.write_paused:
            self._slots.idle(self)

    def send_400_response(self, msg: str) -> None:
        """Refuses an invalid request, but only after the answers that are still owed."""
        with logs.bound(known := logs.request_fields("", None, None)):  # what its head says is not to be trusted
            _log.warning("a request is refused: %s", msg)
        if self._is_answering:
            self._end()
            return
        self._write(no_request_error(msg).problem, known[logs.REQUEST_ID])
        self.transport.close()

    def _write(self, problem: Problem, request_id: str) -> None:
        """A whole answer, for a connection that is not read any further."""
        body = problems.problem_body(problem, request_id, self._prefix)
        answer = problems.problem_response(problem, {"Connection": "close", problems.REQUEST_ID_HEADER: request_id})
        answer.headers["Content-Length"] = str(len(body))
        head = [b"%s: %s" % header for header in (*self.server_state.default_headers, *answer.raw_headers)]
        status = http.HTTPStatus(problem.status)
        self.transport.write(b"\r\n".join([f"HTTP/1.1 {status} {status.phrase}".encode(), *head, b"", body]))

    def _unsupported_upgrade_warning(self) -> None:
        """The request is answered in this protocol. The parser leaves its body unread: it would be the next request."""
        self._end()

    def _may_ask(self) -> bool:
        return self._slots.may_ask(self) or self.url.partition(b"?")[0].endswith(_PROBES)

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


async def _refuse(prefix: str, scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a connection that is one too many."""
    headers = Headers(scope=scope)
    known = logs.request_fields("", headers.get("traceparent"), headers.get("x-cloud-trace-context"))
    request_id = scope[problems.REQUEST_ID_IN_SCOPE] = known[logs.REQUEST_ID]
    scope[problems.ROOT_PATH_IN_SCOPE] = prefix
    sent = {"Connection": "close", problems.REQUEST_ID_HEADER: request_id}
    answer = problems.problem_response(connections_error().problem, sent)
    with logs.bound(known):
        _log.warning("a request is refused: its connection is one too many, which may only probe")
        await answer(scope, receive, send)


class _TooManyRequestsError(Exception):
    """More requests have come than may wait for their answers on one connection."""


def _reset(transport: asyncio.Transport) -> None:
    """Drops what the process and the kernel still hold for the reader, who sees a connection reset, not an end."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
