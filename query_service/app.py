"""Builds the application: `create_app(store, settings)`. Nothing is opened before it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from lakehouse.store.store import Store
from lakehouse.table.planner import Now, utc_now
from query_service.api.openapi import document
from query_service.api.parameters import max_pairs
from query_service.api.query_string import ParsedQueryCache
from query_service.api.requests import stats_request
from query_service.api.routes import paths, router
from query_service.auth.api_keys import NO_KEY, Keys
from query_service.auth.middleware import HEADER, AuthMiddleware
from query_service.auth.rate_limit import rate_limits
from query_service.dashboard.router import dashboard_router
from query_service.lifespan import MB, opened
from query_service.middleware.access_log import AccessLogMiddleware
from query_service.middleware.exceptions import LoadSheddingMiddleware, install_error_handlers
from query_service.middleware.headers import HeadMiddleware, RequestLimitMiddleware, RequestLimits, SecurityHeaders
from query_service.middleware.not_found import Paths
from query_service.middleware.root_path import RootPathMiddleware
from query_service.middleware.send_timeout import SendBudget, SendTimeoutMiddleware
from query_service.problems import REQUEST_ID_HEADER
from query_service.settings import Settings
from query_service.telemetry.metrics import Metrics

EXPOSED: Final = (
    *("Lake-Snapshot", "Lake-As-Of", "ETag", "Link", "Truncated", "Retry-After"),
    *("Accept-Ranges", "Content-Range", "RateLimit", "RateLimit-Policy", REQUEST_ID_HEADER),
)
"""What a page of another origin may read."""

_PREFLIGHT_S: Final = 600


class _Api(FastAPI):
    """FastAPI, with our own OpenAPI document."""

    def __init__(self, filter_max_values: int, needs_key: bool, prefix: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._filter_max_values = filter_max_values
        self._needs_key = needs_key
        self._prefix = prefix

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = document.document(self.routes, self._filter_max_values)
            described = document.with_keys(described) if self._needs_key else described
            self.openapi_schema = document.below(described, self._prefix) if self._prefix else described
        return self.openapi_schema


def create_app(store: Store, settings: Settings, now: Now = utc_now, keys: Keys | None = None) -> FastAPI:
    """The API over the lake in `store`; it is open without `keys`.

    `now` is the wall clock that measures plan ages.
    """
    metrics = Metrics(CollectorRegistry())
    keys = keys or Keys()
    send_budget = SendBudget(settings.send_buffer_mb * MB, metrics.sending)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(store, settings, now, metrics, send_budget, bool(keys.entries)) as services:
            app.state.services = services
            yield

    app = _Api(
        settings.filter_max_values,
        bool(keys.entries),
        settings.root_path,
        title=document.TITLE,
        description=document.DESCRIPTION,
        version=document.VERSION,
        lifespan=lifespan,
        docs_url=None,  # the framework's page loads a script from another host; ours is in the dashboard
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stats_queries = ParsedQueryCache(partial(stats_request, max_values=settings.filter_max_values))
    app.state.metrics_page = lambda: metrics.page(now())
    _add_middleware(app, settings, keys, metrics, send_budget)
    app.add_middleware(HeadMiddleware)  # outermost: all the others see a GET
    app.include_router(router)
    app.include_router(dashboard_router(settings.documents_url))
    return app


def _add_middleware(app: FastAPI, settings: Settings, keys: Keys, metrics: Metrics, send_budget: SendBudget) -> None:
    """Puts the layers around `app`; each one added is outside of those before."""
    limits = rate_limits(keys.names or (NO_KEY,), settings.rate_per_s, settings.rate_burst)
    app.add_middleware(AuthMiddleware, keys=keys, limits=limits, metrics_open=settings.metrics_open)
    install_error_handlers(app, Paths(paths()))
    app.add_middleware(LoadSheddingMiddleware)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins.split(","),
            allow_methods=["GET", "HEAD"],
            allow_headers=[HEADER, "Authorization", "If-Match", "If-None-Match", "If-Range", "Range", "traceparent"],
            expose_headers=EXPOSED,
            max_age=_PREFLIGHT_S,
        )
    app.add_middleware(RequestLimitMiddleware, limits=_request_limits(settings))
    if settings.root_path:
        app.add_middleware(RootPathMiddleware, root_path=settings.root_path)
    app.add_middleware(SecurityHeaders, hsts=settings.tls_in_front)
    app.add_middleware(SendTimeoutMiddleware, send_budget=send_budget, timeout_s=settings.send_timeout_s)
    app.add_middleware(
        AccessLogMiddleware, metrics=metrics, trace_project=settings.trace_project, proxy_hops=settings.proxy_hops
    )


def _request_limits(settings: Settings) -> RequestLimits:
    return RequestLimits(
        url_bytes=settings.url_kb * 1000,
        query_pairs=max_pairs(settings.filter_max_values),
        headers=settings.max_headers,
        header_items=settings.max_header_items,
    )
