"""Calls the application directly: no client or server in between refuses or repairs a request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Scope

from tests.verification.fuzz.requests.question import Question


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def ask(app: ASGIApp, question: Question) -> Answer:
    """The whole answer to `question`."""
    messages: list[Message] = []
    await app(_scope(question), _Receiver(question.body), _collector(messages))
    start = messages[0]
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in messages[1:]))


def _scope(question: Question) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": question.method,
        "scheme": "http",
        "path": unquote_to_bytes(question.path).decode("utf-8", "replace"),  # what uvicorn makes of it
        "raw_path": question.path,
        "query_string": question.query,
        "root_path": "",
        "headers": [(b"host", b"api"), *((name.lower(), value) for name, value in question.headers)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "state": {},
    }


class _Receiver:
    """Gives the body, then stays connected."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _collector(messages: list[Message]) -> Any:
    async def send(message: Message) -> None:
        messages.append(message)

    return send
