"""Answers errors, and requests that a full service refuses, with problem documents. Plain ASGI.

A caller never sees the text of an exception; it is in the log.
"""

from __future__ import annotations

import asyncio
import http
import logging
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakehouse.errors import LakeError
from query_service.errors import Problem, ProblemError, stopping_error
from query_service.middleware.not_found import Paths
from query_service.problems import lake_problem, problem_response

ROUTE_IN_SCOPE: Final = "flights.route"
"""Where the scope of a refused request has its route: the router has not run."""

_ROUTES: Final = ("/v1/stats", "/v1/flights", "/v1/lake", "/v1/airports", "/v1/carriers")
_FLIGHT: Final = "/v1/flights/"

_log = logging.getLogger(__name__)


def install_error_handlers(app: FastAPI, paths: Paths) -> None:
    """Makes every error of `app` a problem document. `paths` are those that there are."""

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return paths.response(request.scope) if error.status_code == 404 else _http_error(error)

    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(LakeError, _on_lake_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_middleware(UnhandledErrors)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    if error.problem.status == 503:
        _log.warning("%s: %s", request.url.path, error)
    return problem_response(error.problem)


async def _on_lake_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LakeError)
    _log.warning("%s: %s: %s", request.url.path, type(error).__name__, error)
    return problem_response(lake_problem(error))


def _http_error(error: HTTPException) -> Response:
    title = http.HTTPStatus(error.status_code).phrase
    problem = Problem(error.status_code, "refused", title, title)
    if error.status_code == 405:
        problem = Problem(405, "method-not-allowed", title, "This path does not take that method.")
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return problem_response(problem, headers)


class UnhandledErrors:
    """Outermost: logs an unexpected exception with its traceback and answers 500 without details.

    A request that is cancelled because the process stops gets a problem that says so.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if started:
                raise
            problem = stopping_error().problem  # nothing else cancels a request from outside
            await problem_response(problem)(scope, receive, send)
        except Exception:
            _log.exception("%s: unexpected error", scope["path"])
            if started:
                raise
            problem = Problem(500, "unexpected", "Unexpected error", "The service failed; its log says why.")
            await problem_response(problem)(scope, receive, send)


class LoadSheddingMiddleware:
    """Answers 503 early where `executor` would refuse too; passes other paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = _route(scope)
        if route is not None:
            try:
                scope["app"].state.services.executor.check_room()
            except ProblemError as error:
                scope[ROUTE_IN_SCOPE] = route
                await problem_response(error.problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _route(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    path: str = scope["path"]
    if path in _ROUTES:
        return path
    return f"{_FLIGHT}{{flight_id}}" if path.startswith(_FLIGHT) else None
