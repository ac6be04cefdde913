"""Heads of requests, bounded before anything is taken apart, and of answers: security headers, HEAD. Plain ASGI."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_service.errors import (
    ProblemError,
    too_many_header_items_error,
    too_many_headers_error,
    too_many_pairs_error,
    url_too_long_error,
)
from query_service.problems import problem_response

CSP: Final = "default-src 'none'; frame-ancestors 'none'"
"""For answers that load nothing. A page that does sets its own, which stays."""

_HSTS: Final = "max-age=31536000"  # a year, the usual; this host alone

HEAD_IN_SCOPE: Final = "flights.head"
"""Where a request's scope says that it is a HEAD: true, or not there."""


class HeadMiddleware:
    """Answers HEAD like GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", HEAD_IN_SCOPE: True}, receive, without_body)


class SecurityHeaders:
    """Adds headers that restrict what a browser does with an answer."""

    def __init__(self, app: ASGIApp, hsts: bool) -> None:
        self._app = app
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("Content-Security-Policy", CSP)
                if self._hsts:
                    headers["Strict-Transport-Security"] = _HSTS
            await send(message)

        await self._app(scope, receive, secured)


@dataclass(frozen=True)
class RequestLimits:
    """How much there may be in the head of a request for those who take it apart."""

    url_bytes: int
    query_pairs: int
    headers: int
    header_items: int

    def check(self, scope: Scope) -> None:
        """Raises ProblemError (414, 400, 431). Counts bytes only: a long head costs as little as a short one."""
        query: bytes = scope["query_string"]
        url_bytes = len(scope.get("raw_path") or scope["path"]) + len(query)
        if url_bytes > self.url_bytes:
            raise url_too_long_error(url_bytes, self.url_bytes)
        pairs = query.count(b"&") + 1
        if pairs > self.query_pairs:
            raise too_many_pairs_error(pairs, self.query_pairs)
        if len(scope["headers"]) > self.headers:
            raise too_many_headers_error(len(scope["headers"]), self.headers)
        self._check_items(scope["headers"])

    def _check_items(self, headers: list[tuple[bytes, bytes]]) -> None:
        if _items([value for _, value in headers]) <= self.header_items:
            return  # as it usually is: no header alone can have more
        lines: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for name, value in headers:
            lines[name].append(value)
        for name, values in lines.items():
            number = _items(values)
            if number > self.header_items:
                raise too_many_header_items_error(name.decode("latin-1"), number, self.header_items)


def _items(lines: list[bytes]) -> int:
    """At most so many are found in lines of one header. Tags need no comma between them, only their quotes."""
    whole = b",".join(lines)
    return max(whole.count(b",") + whole.count(b";") + 1, whole.count(b'"') // 2)


class RequestLimitMiddleware:
    """Refuses heads beyond `limits`, whatever they ask for: parts of them are read on the way to every path.

    Cookies are dropped instead: nobody here reads them, and a host's other pages may have set any number.
    """

    def __init__(self, app: ASGIApp, limits: RequestLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if any(name == b"cookie" for name, _ in scope["headers"]):
                scope["headers"] = [header for header in scope["headers"] if header[0] != b"cookie"]
            try:
                self._limits.check(scope)
            except ProblemError as error:
                await problem_response(error.problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)
