"""Logs and counts each request once its answer is sent or cut off, and says who called. Plain ASGI, outermost."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakehouse.telemetry import logs
from query_service.auth.api_keys import NO_KEY
from query_service.auth.middleware import KEY_IN_SCOPE
from query_service.middleware.exceptions import ROUTE_IN_SCOPE
from query_service.middleware.headers import HEAD_IN_SCOPE
from query_service.middleware.send_timeout import CUT_OFF_IN_SCOPE
from query_service.problems import KIND_IN_SCOPE, REQUEST_ID_HEADER, REQUEST_ID_IN_SCOPE
from query_service.telemetry.metrics import Metrics

_PROBES: Final = ("/health", "/ready", "/metrics")
"""Asked every few seconds: a line each would hide the others. Their failures are logged."""

ADDRESS_IN_SCOPE: Final = "flights.address"
"""Where a request's scope has the address of its caller."""

_REQUEST_ID: Final = REQUEST_ID_HEADER.lower().encode()
_OTHER: Final = "other"  # no such path, a page of the framework, or refused by a middleware
_SHOWN: Final = 2000  # characters of what a caller sent: a usual URL is far shorter, a log entry may have 256 KB

_WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([^:\[\]]*):[0-9]{1,5}")

_log = logging.getLogger("query_service.api.requests")


class AccessLogMiddleware:
    """Measures requests and gives each an id. Every line logged meanwhile carries it, and the request's trace."""

    def __init__(self, app: ASGIApp, metrics: Metrics, trace_project: str, proxy_hops: int) -> None:
        self._app = app
        self._metrics = metrics
        self._trace_project = trace_project
        self._proxy_hops = proxy_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = scope[ADDRESS_IN_SCOPE] = self._remote(scope, headers)
        began = time.perf_counter()
        known = logs.request_fields(
            self._trace_project, headers.get("traceparent"), headers.get("x-cloud-trace-context")
        )
        request_id: str = known[logs.REQUEST_ID]
        scope[REQUEST_ID_IN_SCOPE] = request_id
        named = (_REQUEST_ID, request_id.encode())
        status, size = 500, 0  # what the server answers when nothing was sent

        async def watched(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), named]
            elif message["type"] == "http.response.body" and HEAD_IN_SCOPE not in scope:
                size += len(message.get("body", b""))
            await send(message)

        with logs.bound(known):
            try:
                await self._app(scope, receive, watched)
            finally:
                self._ended(scope, headers, address, status, size, time.perf_counter() - began)

    def _ended(self, scope: Scope, headers: Headers, address: str, status: int, size: int, seconds: float) -> None:
        route: str = scope.get(ROUTE_IN_SCOPE, getattr(scope.get("route"), "path", _OTHER))
        key, problem = scope.get(KEY_IN_SCOPE, NO_KEY), scope.get(KIND_IN_SCOPE)
        is_cut_off = CUT_OFF_IN_SCOPE in scope
        self._metrics.answered(route, status, key, problem, seconds, size)
        if is_cut_off:
            self._metrics.cut_off(route)
        if route in _PROBES and status < 400 and not is_cut_off:
            return
        method = "HEAD" if HEAD_IN_SCOPE in scope else scope["method"]
        request = {
            "requestMethod": method,
            "requestUrl": _url(scope),
            "status": status,
            "latency": f"{seconds:.6f}s",
            "responseSize": str(size),
            "userAgent": headers.get("user-agent", "")[:_SHOWN],
            "remoteIp": address,
        }
        _log.log(
            max(_level(status), logging.WARNING if is_cut_off else 0),
            "%s %s %d %.1f ms%s",
            method,
            request["requestUrl"],
            status,
            seconds * 1000,
            f", cut off after {size} bytes: its reader is too slow" if is_cut_off else "",
            extra=logs.fields(httpRequest=request, route=route, key=key, **_problem(problem), **_cut_off(is_cut_off)),
        )

    def _remote(self, scope: Scope, headers: Headers) -> str:
        """The caller's address as our outermost proxy saw it; entries before that can be forged.

        Where that is no address, the one that connected.
        """
        if self._proxy_hops > 0:
            lines = ",".join(headers.getlist("x-forwarded-for"))
            forwarded = lines.rsplit(",", self._proxy_hops)[-self._proxy_hops :]  # not what anybody wrote before
            if lines and len(forwarded) == self._proxy_hops and (address := address_in(forwarded[0])) is not None:
                return address
        client: tuple[str, int] | None = scope.get("client")
        return "" if client is None else client[0]


def _url(scope: Scope) -> str:
    """Path and query as they came, still percent-encoded: no line break can hide in it."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (path.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")[:_SHOWN]


def _problem(kind: str | None) -> Mapping[str, Any]:
    return {} if kind is None else {"problem": kind}


def _cut_off(is_cut_off: bool) -> Mapping[str, Any]:
    return {"cut_off": True} if is_cut_off else {}


def _level(status: int) -> int:
    if status < 500:
        return logging.INFO
    return logging.ERROR if status == 500 else logging.WARNING


def address_in(entry: str) -> str | None:
    """The address in an entry of X-Forwarded-For, without brackets, port and zone; None when there is none."""
    entry = entry.strip()
    if (found := _WITH_PORT.fullmatch(entry)) is not None:
        entry = found[1] if found[1] is not None else found[2]
    try:
        return str(ipaddress.ip_address(entry.partition("%")[0]))
    except ValueError:
        return None


def network(address: str) -> str:
    """Of an IPv6 address the /64 network: a single host has all of its addresses."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a server without sockets, in tests
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
