"""Calls the application in this process, with its lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from lakehouse.store.store import Store
from lakehouse.table.planner import Now, utc_now
from query_service import lifespan
from query_service.app import create_app
from query_service.auth.api_keys import Keys
from query_service.dashboard import router
from query_service.settings import Settings

T = TypeVar("T")

# Read, hashed and compressed once a process, which in production has one application and here has hundreds.
for _module, _name in ((router, "read_assets"), (lifespan, "build_fingerprint")):
    setattr(_module, _name, cache(getattr(_module, _name)))


class Api:
    """Calls the application and waits for its answer; `run` is for several calls at once."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self._runner = runner

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.run(self.client.get(url, headers=headers))

    def raw(self, url: str, **headers: str | None) -> tuple[httpx.Response, bytes]:
        """The answer and its body as it was sent, not decoded; a header of None is not sent."""

        async def work() -> tuple[httpx.Response, bytes]:
            given = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
            request = self.client.build_request("GET", url, headers=given)
            for name, value in headers.items():
                if value is None:
                    del request.headers[name.replace("_", "-")]
            response = await self.client.send(request, stream=True)
            body = b"".join([piece async for piece in response.aiter_raw()])
            await response.aclose()
            return response, body

        return self.run(work())

    def json(self, url: str) -> Any:
        response = self.get(url)
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, url: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.json(url)["data"]
        return rows

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@contextmanager
def serving(store: Store, now: Now = utc_now, keys: Keys | None = None, **settings: Any) -> Iterator[Api]:
    """The application over `store`. A plan age of 0 unless given: every request sees what is there."""
    fresh = {"plan_max_age_s": 0.0, "inventory_max_age_s": 0.0, "lake_max_age_s": 0.0}
    given: dict[str, Any] = {"lake_url": store.url, "max_concurrent_queries": 2} | fresh | settings
    app = create_app(store, Settings(**given), now, keys)
    with asyncio.Runner() as runner:
        opened = app.router.lifespan_context(app)
        runner.run(opened.__aenter__())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
        try:
            yield Api(app, runner, client)
        finally:
            runner.run(client.aclose())
            runner.run(opened.__aexit__(None, None, None))
