"""Builds the application: `create_app(store, settings)`. Nothing is opened before it starts."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from lakehouse.plan import Now
from lakehouse.store import Store
from query_service import documentation, problems
from query_service.head import HeadLikeGet
from query_service.routes import router
from query_service.services import opened
from query_service.settings import Settings


def utc_now() -> dt.datetime:
    """Wall clock."""
    return dt.datetime.now(dt.UTC)


class _Api(FastAPI):
    """FastAPI, with our own OpenAPI document."""

    def __init__(self, filter_max_values: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._filter_max_values = filter_max_values

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = documentation.document(self.routes, self._filter_max_values)
        return self.openapi_schema


def create_app(store: Store, settings: Settings, now: Now = utc_now) -> FastAPI:
    """The API over the lake in `store`; `now` is the wall clock that plan ages are measured by."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(store, settings, now) as services:
            app.state.services = services
            yield

    app = _Api(
        settings.filter_max_values,
        title=documentation.TITLE,
        description=documentation.DESCRIPTION,
        version=documentation.VERSION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.add_middleware(HeadLikeGet)
    app.include_router(router)
    return app
