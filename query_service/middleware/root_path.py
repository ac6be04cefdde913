"""Serves below a path prefix, whether or not the proxy in front takes it off. Plain ASGI."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from query_service.problems import ROOT_PATH_IN_SCOPE


class RootPathMiddleware:
    """Takes the prefix off paths that have it: all that is further in, API keys above all, knows paths without it.

    The scope is changed and not copied, since the access log reads it in the end. ASGI's own `root_path` stays empty:
    with it, `path` would begin with the prefix.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[ROOT_PATH_IN_SCOPE] = self._root_path
            if scope["path"] == self._root_path:  # relative links of the page would lead out of the prefix
                await moved(f"{self._root_path}/", scope["query_string"].decode("latin-1"))(scope, receive, send)
                return
            if scope["path"].startswith(f"{self._root_path}/"):
                scope["path"] = scope["path"].removeprefix(self._root_path)
                if raw_path := scope.get("raw_path"):
                    scope["raw_path"] = raw_path.removeprefix(self._root_path.encode())
        await self._app(scope, receive, send)


def moved(path: str, query: str) -> Response:
    """A permanent redirect to a path of this service, prefix included, that keeps the query string."""
    location = path + (f"?{query}" if query else "")
    return Response(None, 308, {"Location": location, "Cache-Control": "no-cache"})
