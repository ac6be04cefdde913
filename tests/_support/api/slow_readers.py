"""The application called without a server, by readers that take an answer as slowly as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.types import Message

from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from query_service.middleware.send_timeout import (
    Transport,
)
from tests._support.lakes.builder import LakeBuilder, event

SOON_S = 20  # what takes longer on a busy machine has failed
LARGE = "/v1/stats?group_by=route&limit="  # and a number: other numbers are other answers


def scope(url: str) -> dict[str, Any]:
    path, _, query = url.partition("?")
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"api")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "root_path": "",
    }


class Reader:
    """The other end of a connection: takes so many chunks, and one more for each `take`."""

    def __init__(self, chunks: int = 0) -> None:
        self._chunks = asyncio.Semaphore(chunks)
        self.begun = asyncio.Event()
        self.messages: list[Message] = []
        self.is_cut = False

    def transport(self) -> Transport:
        async def gone() -> None:
            await self._chunks.acquire()

        def cut() -> None:
            self.is_cut = True

        return Transport(gone, cut)

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self.begun.set()

    async def receive(self) -> Message:
        return await asyncio.Future()  # neither a body nor a farewell

    def take(self) -> None:
        self._chunks.release()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def lake_of_many(store: MemoryStore | LocalStore) -> LakeBuilder:
    lake = LakeBuilder(store)
    lake.land(*(event(origin=f"{n:04}", departure_delay_minutes=n) for n in range(1100)))
    lake.merge()
    return lake
