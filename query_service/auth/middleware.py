"""Checks the API key and the rate of requests under /v1/; other paths pass. Plain ASGI.

A key comes in X-API-Key, or as `Authorization: Bearer KEY`, which many clients and tools can send without more ado.

With keys on, /metrics needs a key too (it names the keys), unless a setting opens it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakehouse.telemetry.logs import API_KEY_PREFIX
from query_service.auth.api_keys import NO_KEY, Keys
from query_service.auth.rate_limit import RateLimitDecision, RateLimits
from query_service.errors import ProblemError, key_error, rate_limited_error
from query_service.problems import problem_response

KEY_IN_SCOPE: Final = "flights.key"
"""Where a request's scope has the name of its key."""

HEADER: Final = "X-API-Key"
CHALLENGES: Final = (f'ApiKey realm="flights", header="{HEADER}"', 'Bearer realm="flights"')
"""What a 401 says about how to send a key, one header line each."""

_BEARER: Final = "bearer"

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
            name = self._key_name(Headers(scope=scope)) if self._keys.entries else NO_KEY
        except ProblemError as error:
            refusal = problem_response(error.problem)
            for challenge in CHALLENGES:
                refusal.headers.append("WWW-Authenticate", challenge)
            await refusal(scope, receive, send)
            return
        scope[KEY_IN_SCOPE] = name
        decision = self._decide(scope["path"], name)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), decision)
            await send(message)

        if decision is not None and not decision.allowed:
            await problem_response(rate_limited_error(self._policy_name, decision.next_s).problem)(
                scope, receive, send_with_headers
            )
            return
        await self._app(scope, receive, send_with_headers)

    def _key_name(self, headers: Headers) -> str:
        """The name of the key that was sent. Raises ProblemError (401)."""
        keys, tokens = headers.getlist(HEADER), _bearer_tokens(headers)
        if len(keys) > 1 or len(tokens) > 1 or not (keys or tokens):
            raise key_error("This path needs an API key, once: in the header X-API-Key, or as Authorization: Bearer.")
        presented = (keys or tokens)[0]
        name = self._keys.name_of(presented)
        if name is None:
            where = "in the header X-API-Key" if keys else "in the header Authorization"
            raise key_error(f"The API key {where} is not known here.")
        if keys and tokens and self._is_other_key(tokens[0], presented):
            raise key_error("The headers X-API-Key and Authorization hold two different API keys; send one.")
        return name

    def _is_other_key(self, token: str, key: str) -> bool:
        """A token that is no key is somebody else's: Cloud Run passes on the identity token that it has checked."""
        is_key = token.startswith(API_KEY_PREFIX) or self._keys.name_of(token) is not None
        return is_key and not hmac.compare_digest(token.encode(), key.encode())

    def _decide(self, path: str, name: str) -> RateLimitDecision | None:
        if self._limits is None or not path.startswith(_DATA):
            return None
        return self._limits.take(name, self._clock())

    def _add_headers(self, headers: MutableHeaders, decision: RateLimitDecision | None) -> None:
        if self._keys.entries:
            headers["Cache-Control"] = private(headers.get("Cache-Control", ""))
        if self._limits is not None and decision is not None:
            headers["RateLimit-Policy"] = f'"{self._policy_name}";q={self._limits.burst};w={self._limits.window_s}'
            headers["RateLimit"] = f'"{self._policy_name}";r={decision.remaining};t={decision.next_s}'

    @property
    def _policy_name(self) -> str:
        return "per-key" if self._keys.entries else "per-instance"


def _bearer_tokens(headers: Headers) -> list[str]:
    """What `Authorization: Bearer` lines hold; other schemes are not ours. The scheme's case does not matter."""
    credentials = (line.partition(" ") for line in headers.getlist("Authorization"))
    return [token.strip() for scheme, _, token in credentials if scheme.lower() == _BEARER]


def private(cache_control: str) -> str:
    """The same, but not for shared caches: they could give it to callers without a key."""
    kept = [part.strip() for part in cache_control.split(",") if part.strip()]
    if "no-store" in kept:
        return cache_control
    return ", ".join(["private", *(part for part in kept if part not in ("public", "private"))])
