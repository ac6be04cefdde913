"""Heads of requests, checked before anything is taken apart, and of answers: security headers, HEAD. Plain ASGI."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_service.errors import (
    ProblemError,
    host_error,
    too_many_header_items_error,
    too_many_headers_error,
    too_many_pairs_error,
    url_too_long_error,
)
from query_service.problems import problem_response

CSP: Final = "default-src 'none'; frame-ancestors 'none'"
"""For answers that load nothing. A page that does sets its own, which stays."""

_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", CSP.encode()),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")  # a year, the usual; this host alone

# A name, an IPv4 address or an IPv6 one in brackets, and a port (RFC 3986, 3.2.2). An http URL has no empty host. Of
# what the RFC allows in names besides, a comma for one, no host has anything: it is two hosts that somebody joined.
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,255})(?::([0-9]{0,5}))?")
_MAX_PORT: Final = 65_535

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
        self._added = (*_SECURITY, *([_HSTS] if hsts else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                there = {name for name, _ in headers}
                message["headers"] = [*headers, *(header for header in self._added if header[0] not in there)]
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


def check_host(scope: Scope) -> None:
    """Raises ProblemError (400) unless there is one right Host; HTTP/1.0 needs none (RFC 9112, 3.2).

    Of two, or of something else, a proxy in front and this service could think differently.
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) > 1:
        raise host_error(f"The request has {len(hosts)} Host headers; it takes one.")
    if not hosts:
        if scope.get("http_version") == "1.1":
            raise host_error("The request has no Host header; it takes one.")
        return
    match = _HOST.fullmatch(hosts[0])
    if match is None or int(match[1] or 0) > _MAX_PORT:
        raise host_error("The Host header is no name or address, with or without a port.")


class RequestLimitMiddleware:
    """Refuses heads without one Host or beyond `limits`, whatever they ask for: all paths read parts of them.

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
                check_host(scope)
                self._limits.check(scope)
            except ProblemError as error:
                await problem_response(error.problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)
