"""Checks the API key and the rate of requests under /v1/; other paths pass. Plain ASGI.

With keys on, /metrics needs a key too (it names the keys), unless a setting opens it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_service.auth.api_keys import NO_KEY, Keys
from query_service.auth.rate_limit import RateLimitDecision, RateLimits
from query_service.errors import ProblemError, key_error, rate_limited_error
from query_service.problems import problem_response

KEY_IN_SCOPE: Final = "flights.key"
"""Where a request's scope has the name of its key."""

HEADER: Final = "X-API-Key"
CHALLENGE: Final = f'ApiKey realm="flights", header="{HEADER}"'

_DATA: Final = "/v1/"
_METRICS: Final = "/metrics"


class AuthMiddleware:
    """401 without a known key, 429 above the rate. Adds RateLimit headers and `private`."""

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        limits: RateLimits | None,
        metrics_open: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._keys = keys
        self._limits = limits
        self._guarded = (_DATA,) if metrics_open else (_DATA, _METRICS)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._guarded):
            await self._app(scope, receive, send)
            return
        try:
            name = self._name(Headers(scope=scope)) if self._keys.entries else NO_KEY
        except ProblemError as error:
            await problem_response(error.problem, {"WWW-Authenticate": CHALLENGE})(scope, receive, send)
            return
        scope[KEY_IN_SCOPE] = name
        grant = self._grant(scope["path"], name)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(MutableHeaders(scope=message), grant)
            await send(message)

        if grant is not None and not grant.allowed:
            await problem_response(rate_limited_error(self._per, grant.next_s).problem)(scope, receive, marked)
            return
        await self._app(scope, receive, marked)

    def _name(self, headers: Headers) -> str:
        presented = headers.getlist(HEADER)
        if len(presented) != 1:
            raise key_error("This path needs an API key in the header X-API-Key, once.")
        name = self._keys.name_of(presented[0])
        if name is None:
            raise key_error("The API key in the header X-API-Key is not known here.")
        return name

    def _grant(self, path: str, name: str) -> RateLimitDecision | None:
        if self._limits is None or not path.startswith(_DATA):
            return None
        return self._limits.take(name, self._clock())

    def _mark(self, headers: MutableHeaders, grant: RateLimitDecision | None) -> None:
        if self._keys.entries:
            headers["Cache-Control"] = private(headers.get("Cache-Control", ""))
        if self._limits is not None and grant is not None:
            headers["RateLimit-Policy"] = f'"{self._per}";q={self._limits.burst};w={self._limits.window_s}'
            headers["RateLimit"] = f'"{self._per}";r={grant.remaining};t={grant.next_s}'

    @property
    def _per(self) -> str:
        return "per-key" if self._keys.entries else "per-instance"


def private(cache_control: str) -> str:
    """The same, but not for shared caches: they could give it to callers without a key."""
    kept = [part.strip() for part in cache_control.split(",") if part.strip()]
    if "no-store" in kept:
        return cache_control
    return ", ".join(["private", *(part for part in kept if part not in ("public", "private"))])
