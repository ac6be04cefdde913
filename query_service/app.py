"""Builds the application: `create_app(store, settings)`. Nothing is opened before it starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from lakehouse.store.store import Store
from lakehouse.table.planner import Now
from query_service.api.openapi import document
from query_service.api.routes import router
from query_service.auth.api_keys import Keys
from query_service.dashboard.router import dashboard_router
from query_service.lifespan import MB, opened
from query_service.middleware import edges
from query_service.middleware.head import HeadMiddleware
from query_service.middleware.send_timeout import SendBudget
from query_service.settings import Settings
from query_service.telemetry.metrics import Metrics


def utc_now() -> dt.datetime:
    """Wall clock."""
    return dt.datetime.now(dt.UTC)


class _Api(FastAPI):
    """FastAPI, with our own OpenAPI document."""

    def __init__(self, filter_max_values: int, needs_key: bool, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._filter_max_values = filter_max_values
        self._needs_key = needs_key

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            described = document.document(self.routes, self._filter_max_values)
            self.openapi_schema = document.with_keys(described) if self._needs_key else described
        return self.openapi_schema


def create_app(store: Store, settings: Settings, now: Now = utc_now, keys: Keys | None = None) -> FastAPI:
    """The API over the lake in `store`, for the holders of `keys`, or for anybody without any.

    `now` is the wall clock that plan ages are measured by.
    """
    metrics = Metrics(CollectorRegistry())
    keys = keys or Keys()
    send_budget = SendBudget(settings.send_buffer_mb * MB, metrics.sending)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(store, settings, now, metrics, send_budget) as services:
            app.state.services = services
            yield

    app = _Api(
        settings.filter_max_values,
        bool(keys.entries),
        title=document.TITLE,
        description=document.DESCRIPTION,
        version=document.VERSION,
        lifespan=lifespan,
        docs_url=None,  # the framework's page loads a script from another host; ours is in the dashboard
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.metrics_page = lambda: metrics.page(now())
    edges.install(app, settings, keys, metrics, send_budget)
    app.add_middleware(HeadMiddleware)  # outermost: all the others see a GET
    app.include_router(router)
    app.include_router(dashboard_router())
    return app
