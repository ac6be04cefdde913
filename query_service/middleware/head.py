"""HEAD like GET, on every path: the same answer without its body."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD_IN_SCOPE: Final = "flights.head"
"""Where a request's scope says that it is a HEAD: true, or not there."""


class HeadMiddleware:
    """Answers HEAD as if GET had been asked, and keeps the body back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", HEAD_IN_SCOPE: True}, receive, without_body)
