"""The layers around the routes, from the outside in: request log, sending, security headers, CORS, shedding, problems,
gate.
"""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_service import problems
from query_service.auth.api_keys import NO_KEY, Keys
from query_service.auth.middleware import HEADER, AuthMiddleware
from query_service.auth.rate_limit import rate_limits
from query_service.middleware.access_log import AccessLogMiddleware
from query_service.middleware.load_shedding import LoadSheddingMiddleware
from query_service.middleware.send_timeout import SendBudget, SendTimeoutMiddleware
from query_service.settings import Settings
from query_service.telemetry.metrics import Metrics

CSP: Final = "default-src 'none'; frame-ancestors 'none'"
"""For answers that load nothing. A page that does sets its own, which stays."""

EXPOSED: Final = (
    *("Lake-Snapshot", "Lake-As-Of", "ETag", "Link", "Truncated", "Retry-After"),
    *("RateLimit", "RateLimit-Policy"),
)
"""What a page of another origin may read."""

_HSTS: Final = "max-age=31536000"  # a year, the usual; this host alone
_PREFLIGHT_S: Final = 600


def install(app: FastAPI, settings: Settings, keys: Keys, metrics: Metrics, send_budget: SendBudget) -> None:
    """Puts the layers around `app`; each one added is outside of those before."""
    limits = rate_limits(keys.names or (NO_KEY,), settings.rate_per_s, settings.rate_burst)
    app.add_middleware(AuthMiddleware, keys=keys, limits=limits, metrics_open=settings.metrics_open)
    problems.install(app)
    app.add_middleware(LoadSheddingMiddleware)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins.split(","),
            allow_methods=["GET", "HEAD"],
            allow_headers=[HEADER, "If-None-Match", "traceparent"],
            expose_headers=EXPOSED,
            max_age=_PREFLIGHT_S,
        )
    app.add_middleware(SecurityHeaders, hsts=settings.tls_in_front)
    app.add_middleware(SendTimeoutMiddleware, send_budget=send_budget, timeout_s=settings.send_timeout_s)
    app.add_middleware(
        AccessLogMiddleware, metrics=metrics, trace_project=settings.trace_project, proxy_hops=settings.proxy_hops
    )


class SecurityHeaders:
    """Adds to every answer what keeps a browser from doing more with it than it should."""

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
