"""Connections over which nothing is asked, and those over which much is, against a server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from query_service.server import http_protocol
from query_service.server.http_protocol import Connection, transport_of

SOON_S = 20  # what takes longer on a busy machine has failed
HEAD_S = 0.2
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(3 * HEAD_S)
    await Response(b"answered")(scope, receive, send)


@asynccontextmanager
async def connected(app: ASGIApp = slow) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none")
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    async with asyncio.timeout(SOON_S), server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()


@pytest.mark.parametrize("begin", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "empty", "half"])
@pytest.mark.parametrize("requests", [0, 1])
def test_a_connection_over_which_no_whole_request_comes_is_closed(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, requests: int
) -> None:
    monkeypatch.setattr(http_protocol, "_HEAD_S", HEAD_S)

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(REQUEST * requests)
            before = await reader.readuntil(b"answered") if requests else b""
            writer.write(begin)
            return before + await reader.read()

    assert asyncio.run(work()).count(b"answered") == requests


def test_an_answer_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "_HEAD_S", HEAD_S)

    async def work() -> bytes:
        async with connected() as (reader, writer):
            writer.write(REQUEST + REQUEST + REQUEST[:-2])  # the last one is never whole
            return await reader.read()

    assert asyncio.run(work()).count(b"answered") == 2


def test_a_request_hears_that_its_connection_is_gone_also_when_others_wait_behind_it() -> None:
    async def work() -> None:
        heard = asyncio.Event()

        async def cut(scope: Scope, receive: Receive, send: Send) -> None:
            connection = transport_of(scope)
            assert connection is not None
            connection.cut()
            while (await receive())["type"] != "http.disconnect":
                pass
            heard.set()

        async with connected(cut) as (_, writer):
            writer.write(REQUEST * 3)
            await heard.wait()

    asyncio.run(work())
