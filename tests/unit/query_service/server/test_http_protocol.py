"""What a connection makes of requests that have no end or no right place, against a server in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from query_service.middleware.send_timeout import CUT_OFF_IN_SCOPE, SendBudget, SendTimeoutMiddleware, transport_of
from query_service.server.http_protocol import Connection, ConnectionSlots

ROOT = Path(__file__).parents[4]
SOON_S = 20  # what takes longer on a busy machine has failed
HEAD_BYTES = 1000
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = REQUEST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
UPGRADE = REQUEST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"


class Heard(Connection):
    """Says how many bytes it has read, each time."""

    reads: ClassVar[asyncio.Queue[int]]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.reads.put_nowait(len(data))


class Gated:
    """An application that answers with a request's path and headers once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate.wait()
        body = b"[%s %d]" % (scope["raw_path"], len(scope["headers"]))
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=1,
    )
    config.load()
    Heard.reads = asyncio.Queue()
    loop, state = asyncio.get_running_loop(), ServerState()
    state.default_headers = [(b"Date", b"Sat, 28 Nov 2026 00:00:00 GMT")]  # as a server that ticks has them
    server = await loop.create_server(lambda: Heard(config, state, {}, loop, waiting_requests=16), "127.0.0.1", 0)
    async with asyncio.timeout(SOON_S), server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()


def answers(*parts: bytes) -> bytes:
    """All that comes back until the connection ends; the gate opens when all `parts` have been read, each by itself."""

    async def work() -> bytes:
        app = Gated()
        async with connected(app) as (reader, writer):
            for part in parts:
                writer.write(part)
                unread = len(part)
                while unread > 0:
                    unread -= await Heard.reads.get()
            app.gate.set()
            return await reader.read()

    return asyncio.run(work())


def test_the_version_of_the_server_is_pinned_while_its_insides_are_used() -> None:
    """`Connection` overrides what uvicorn promises nobody: a next minor version may call it differently, unheard."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (wanted,) = (each for each in project["project"]["optional-dependencies"]["api"] if each.startswith("uvicorn"))
    assert re.fullmatch(r"uvicorn~=\d+\.\d+\.\d+", wanted)


@pytest.mark.parametrize("begin", [b"GET /", REQUEST + b"X: "], ids=["path", "header"])
def test_a_head_without_an_end_is_refused(begin: bytes) -> None:
    async def work() -> bytes:
        async with connected(Gated()) as (reader, writer):
            writer.write(begin)
            answer = asyncio.create_task(reader.read())
            while not answer.done():
                await asyncio.wait([answer], timeout=0.001)  # so that it is read in several parts
                writer.write(b"x" * HEAD_BYTES)
            return await answer

    with contextlib.suppress(ConnectionResetError):  # what we went on to send was left unread
        assert asyncio.run(work()).startswith(b"HTTP/1.1 400 ")


def test_a_body_may_be_longer_than_a_head() -> None:
    body = b"x" * (3 * HEAD_BYTES)
    head = REQUEST + b"Content-Length: %d\r\n\r\n" % len(body)
    parts = [body[start : start + 600] for start in range(0, len(body), 600)]
    assert answers(head, *parts, REQUEST + b"Connection: close\r\n\r\n").count(b"200 OK") == 2


@pytest.mark.parametrize(
    "wrong",
    [(b"\x00\r\n\r\n",), (b"GET / HTTP/9.9\r\n\r\n",), (REQUEST + b"X", b"X" * 2 * HEAD_BYTES)],
    ids=["bytes", "version", "endless"],
)
def test_what_is_no_request_gets_a_problem_and_an_id_that_is_in_the_log(
    caplog: pytest.LogCaptureFixture, wrong: tuple[bytes, ...]
) -> None:
    with caplog.at_level(logging.WARNING):
        head, _, body = answers(*wrong).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = Headers(dict(line.split(": ", 1) for line in lines[1:]))
    problem = json.loads(body)
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert (headers["Content-Type"], headers["Connection"]) == ("application/problem+json", "close")
    assert int(headers["Content-Length"]) == len(body)
    assert (problem["type"], problem["status"]) == ("/problems#refused", 400)
    assert re.fullmatch("[0-9a-f]+", headers["X-Request-Id"])
    assert problem["request_id"] == headers["X-Request-Id"]
    assert "Date" in headers
    (refused,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert problem["detail"] in refused.message


def test_what_comes_behind_something_invalid_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    answers(REQUEST + b"\r\n", b"\x00\r\n\r\n", *([b"x" * HEAD_BYTES] * 5))
    assert [record.message for record in caplog.records] == ["a request is refused: Invalid HTTP request received."]


def test_more_requests_than_may_wait_end_the_connection_after_their_answers() -> None:
    answer = answers((REQUEST + b"\r\n") * 100)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200"] * 17  # one, and 16 that waited for it
    assert answer.count(b"connection: close") == 1


@pytest.mark.parametrize("wrong", [b"\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"], ids=["bytes", "version"])
def test_an_answer_that_is_owed_comes_whole_before_something_invalid_is_refused(wrong: bytes) -> None:
    answer = answers(REQUEST + b"\r\n", wrong)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200"]
    assert b"connection: close" in answer
    assert answer.endswith(b"[/ 1]")


def test_what_is_invalid_after_an_answer_is_refused() -> None:
    async def work() -> bytes:
        app = Gated()
        app.gate.set()
        async with connected(app) as (reader, writer):
            writer.write(REQUEST + b"\r\n")
            await reader.readuntil(b"[/ 1]")
            writer.write(b"\x00\r\n\r\n")
            return await reader.read()

    assert asyncio.run(work()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("value", [b" \t x \t ", b"x \t", b"x", b"\t\tx"])
def test_blanks_around_a_value_are_no_part_of_it(value: bytes) -> None:
    assert sent_values(b"X-Value:" + value) == [b"x"]


def test_a_value_of_blanks_alone_is_empty() -> None:
    assert sent_values(b"X-Value: \t ") == [b""]
    assert sent_values(b"X-Value:") == [b""]


def test_blanks_within_a_value_stay() -> None:
    assert sent_values(b"X-Value: a  \t b ") == [b"a  \t b"]


@pytest.mark.parametrize("fold", [b"X-Value: a\r\n b", b"X-Value:\r\n\tb", b"X-Value : a", b" X-Value: a"])
def test_a_value_on_two_lines_is_refused(fold: bytes) -> None:
    """What a proxy in front reads there could be something else."""
    assert answers(REQUEST + fold + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def sent_values(line: bytes) -> list[bytes]:
    """What an application finds in X-Value after `line` was sent."""
    found: list[bytes] = []

    async def looking(scope: Scope, receive: Receive, send: Send) -> None:
        found.extend(value for name, value in scope["headers"] if name == b"x-value")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def work() -> None:
        async with connected(looking) as (reader, writer):
            writer.write(REQUEST + line + b"\r\nConnection: close\r\n\r\n")
            await reader.read()

    asyncio.run(work())
    return found


def test_fields_behind_a_body_are_no_headers() -> None:
    answer = answers(CHUNKED + b"X-Late: y\r\n\r\n" + REQUEST + b"Connection: close\r\n\r\n")
    assert re.findall(rb"\[.+?\]", answer) == [b"[/ 2]", b"[/ 2]"]


def test_fields_behind_a_body_without_an_end_end_the_connection_after_its_answer() -> None:
    answer = answers(CHUNKED, b"X: y\r\n" * HEAD_BYTES)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith(b"[/ 2]")


@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("head", [b"\r\n", b"Content-Length: 26\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_what_comes_behind_a_request_for_another_protocol_is_no_request(head: bytes, is_split: bool) -> None:
    behind = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = answers(UPGRADE + head, behind) if is_split else answers(UPGRADE + head + behind)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer
    assert b"inner" not in answer


def test_a_request_hears_that_its_connection_was_cut() -> None:
    async def work() -> None:
        heard = asyncio.Event()

        async def cut(scope: Scope, receive: Receive, send: Send) -> None:
            connection = transport_of(scope)
            assert connection is not None
            connection.abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            heard.set()

        async with connected(cut) as (_, writer):
            writer.write(REQUEST + b"\r\n")
            await heard.wait()

    asyncio.run(work())


class Callers:
    """Connections to a server that takes so many; all are closed in the end."""

    def __init__(self, address: tuple[str, int], stack: contextlib.ExitStack) -> None:
        self._address = address
        self._stack = stack

    async def call(self, request: bytes = b"") -> asyncio.StreamReader:
        """Opens a connection and sends `request`."""
        reader, writer = await asyncio.open_connection(*self._address)
        self._stack.callback(writer.close)
        writer.write(request)
        return reader


@asynccontextmanager
async def taking(max_connections: int, app: ASGIApp, keep_alive_s: int = 5, **limits: Any) -> AsyncIterator[Callers]:
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_keep_alive=keep_alive_s)
    config.load()
    state, slots, loop = ServerState(), ConnectionSlots(max_connections, **limits), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(config, state, {}, loop, slots=slots, waiting_requests=16), "127.0.0.1", 0
    )
    async with asyncio.timeout(SOON_S), server:
        with contextlib.ExitStack() as stack:
            yield Callers(server.sockets[0].getsockname(), stack)
        for _ in range(10):  # turns of the loop in which they end
            await asyncio.sleep(0)


LAST = REQUEST + b"Connection: close\r\n\r\n"


def test_silent_connections_give_way_to_one_that_asks() -> None:
    async def work() -> tuple[list[bytes], bytes]:
        app = Gated()
        app.gate.set()
        async with taking(3, app) as callers:
            silent = [await callers.call() for _ in range(10)]
            answer = await (await callers.call(LAST)).read()
            return [await reader.read() for reader in silent[:8]], answer

    ended, answer = asyncio.run(work())
    assert ended == [b""] * 8
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_kept_connections_give_way_however_long_they_are_kept() -> None:
    async def work() -> tuple[list[bytes], bytes]:
        app = Gated()
        app.gate.set()
        async with taking(3, app, keep_alive_s=3600) as callers:
            kept = [await callers.call(REQUEST + b"\r\n") for _ in range(3)]
            for reader in kept:
                await reader.readuntil(b"[/ 1]")
            answer = await (await callers.call(LAST)).read()
            return [await reader.read() for reader in kept[:1]], answer

    ended, answer = asyncio.run(work())
    assert ended == [b""]
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_new_connection_is_refused_with_a_problem_when_all_are_busy() -> None:
    async def work() -> tuple[bytes, bytes]:
        asked, app = asyncio.Event(), Gated()

        async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await app(scope, receive, send)

        async with taking(1, noticed) as callers:
            busy = await callers.call(LAST)
            await asked.wait()
            refusal = await (await callers.call()).read()
            app.gate.set()
            return refusal, await busy.read()

    refusal, answer = asyncio.run(work())
    head, _, body = refusal.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert b"connection: close" in head
    assert b"content-length: %d\r\n" % len(body) in head + b"\r\n"
    assert b"x-request-id: %s\r\n" % json.loads(body)["request_id"].encode() in head + b"\r\n"
    assert json.loads(body)["type"] == "/problems#connections"
    assert answer.startswith(b"HTTP/1.1 200 ")


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


def test_when_all_are_busy_probes_are_answered_and_others_are_told() -> None:
    async def work() -> list[bytes]:
        asked, app = asyncio.Event(), Gated()
        open_app = Gated()
        open_app.gate.set()

        async def noticed(scope: Scope, receive: Receive, send: Send) -> None:
            asked.set()
            await (open_app if scope["path"] in ("/health", "/flights/ready") else app)(scope, receive, send)

        async with taking(1, noticed, for_probes=1) as callers:
            busy = await callers.call(LAST)
            await asked.wait()
            paths = ("/health", "/flights/ready", "/v1/stats")
            answers = [await (await callers.call(request(path))).read() for path in paths]
            app.gate.set()
            return [*answers, await busy.read()]

    health, ready, stats, answer = asyncio.run(work())
    assert [each.split()[1] for each in (health, ready, stats, answer)] == [b"200", b"200", b"503", b"200"]
    head, _, body = stats.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"x-request-id: %s" % json.loads(body)["request_id"].encode() in head.lower()
    assert json.loads(body)["type"] == "/problems#connections"


def test_a_reader_that_stalls_gives_way_and_its_request_says_so() -> None:
    async def work() -> tuple[bytes, bytes, Scope]:
        scopes: list[Scope] = []

        async def large(scope: Scope, receive: Receive, send: Send) -> None:
            scopes.append(scope)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(16_000_000 if len(scopes) == 1 else 1)})

        app = SendTimeoutMiddleware(large, SendBudget(1 << 40, lambda _: None), 3600)
        async with taking(1, app, stall_s=0.0) as callers:
            stalled = await callers.call(LAST)
            await stalled.readexactly(1)
            answer = b"HTTP/1.1 503"
            while answer.startswith(b"HTTP/1.1 503"):  # until the kernel's buffers are full
                answer = await (await callers.call(LAST)).read()
            with contextlib.suppress(ConnectionResetError):
                while await stalled.read(1 << 20):
                    pass
                return answer, b"ended", scopes[0]
            return answer, b"reset", scopes[0]

    answer, end, scope = asyncio.run(work())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert end == b"reset"
    assert scope[CUT_OFF_IN_SCOPE]


def test_a_head_that_is_not_whole_keeps_no_place() -> None:
    async def work() -> tuple[bytes, bytes]:
        app = Gated()
        app.gate.set()
        async with taking(2, app) as callers:
            first = await callers.call(REQUEST)
            second = await callers.call(REQUEST)
            third = await callers.call(LAST)  # the first one came first, and has asked nothing yet
            return await first.read(), await third.read() + (await second.read(0))

    ended, answer = asyncio.run(work())
    assert ended == b""
    assert answer.startswith(b"HTTP/1.1 200 ")
