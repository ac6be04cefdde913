"""Turns questions away before anything else is done for them, while as many as may be are under way. Plain ASGI.

The limit itself is admission's (`executor.py`); what is refused there has cost a millisecond by then, and that many
refusals leave no time to answer those who were admitted.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from query_service.errors import ProblemError
from query_service.problems import problem_response

ROUTE_IN_SCOPE: Final = "flights.route"
"""Where the scope of a question that was turned away has its route, which nobody looked for."""

_ROUTES: Final = ("/v1/stats", "/v1/flights", "/v1/lake")
_FLIGHT: Final = "/v1/flights/"


class LoadSheddingMiddleware:
    """503 where `executor` would say it too; what is no question of ours passes."""

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
