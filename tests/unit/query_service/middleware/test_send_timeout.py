"""Answers on their way: in chunks, for so long, so many bytes at once. In this process, and with real slow readers."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from query_service.errors import ProblemError
from query_service.middleware.send_timeout import (
    CHUNK_BYTES,
    SendBudget,
    SendTimeoutMiddleware,
    with_transport,
)
from tests._support.api.in_process import Api, serving
from tests._support.api.process import process
from tests._support.api.request_log import logged
from tests._support.api.slow_readers import LARGE, SOON_S, Reader, lake_of_many, scope
from tests._support.lakes.builder import LakeBuilder, event


def fixed(body: bytes) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(body)(scope, receive, send)

    return app


def nobody(_: int) -> None:
    return


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(lake_of_many(MemoryStore()).store, send_buffer_mb=1) as api:
        yield api


# -- chunk by chunk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 5 * CHUNK_BYTES - 1])
def test_a_body_is_sent_whole_in_chunks_the_last_of_which_says_so(size: int) -> None:
    body = bytes(n % 251 for n in range(size))

    async def work() -> None:
        reader = Reader(chunks=10)
        layer = SendTimeoutMiddleware(fixed(body), SendBudget(1, nobody), SOON_S)
        await layer(with_transport(scope("/"), reader.transport()), reader.receive, reader.send)
        chunks = reader.messages[1:]
        assert reader.body == body
        assert [chunk.get("more_body", False) for chunk in chunks] == [*[True] * (len(chunks) - 1), False]
        assert max(len(chunk["body"]) for chunk in chunks) <= CHUNK_BYTES

    asyncio.run(work())


def test_a_chunk_is_sent_when_the_one_before_has_gone() -> None:
    async def work() -> None:
        reader = Reader()
        layer = SendTimeoutMiddleware(fixed(b"x" * CHUNK_BYTES * 3), SendBudget(1, nobody), SOON_S)
        sending = asyncio.create_task(
            layer(with_transport(scope("/"), reader.transport()), reader.receive, reader.send)
        )
        for count in (2, 3, 4):  # the head and the first chunk, and one by one
            for _ in range(50):  # turns in which one comes, and a further one would come
                await asyncio.sleep(0)
            assert len(reader.messages) == count
            reader.take()
        await sending

    asyncio.run(work())


# -- for so long -----------------------------------------------------------------------------------------------


def test_who_does_not_take_the_answer_is_cut_off_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lake_of_many(MemoryStore()).store, send_timeout_s=0.05) as api, caplog.at_level(logging.INFO):

        async def ask() -> Reader:
            reader = Reader()
            async with asyncio.timeout(SOON_S):
                await api.app(with_transport(scope(LARGE + "1100"), reader.transport()), reader.receive, reader.send)
            return reader

        reader = api.run(ask())
        page = api.get("/metrics").text
    assert reader.is_cut
    head, chunk = reader.messages
    assert len(chunk["body"]) < int(dict(head["headers"])[b"content-length"])
    (line,) = logged(caplog)
    assert line["cut_off"] is True
    (record,) = (record for record in caplog.records if record.name == "query_service.api.requests")
    assert record.levelname == "WARNING"
    assert f"cut off after {CHUNK_BYTES} bytes" in record.getMessage()
    assert 'flights_api_answers_cut_off_total{route="/v1/stats"} 1.0' in page
    assert "flights_api_sending_bytes 0.0" in page
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_time_begins_with_the_answer_not_with_the_question() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1)
        await Response(b"x")(scope, receive, send)

    async def work() -> None:
        reader = Reader(chunks=1)
        await SendTimeoutMiddleware(slow, SendBudget(1, nobody), 0.05)(
            with_transport(scope("/"), reader.transport()), reader.receive, reader.send
        )
        assert reader.body == b"x"
        assert not reader.is_cut

    asyncio.run(work())


def test_a_server_without_transports_is_told_by_an_error_that_the_answer_broke_off() -> None:
    async def never(_: MutableMapping[str, Any]) -> None:
        await asyncio.Future()

    async def work() -> None:
        with pytest.raises(TimeoutError):
            await SendTimeoutMiddleware(fixed(b"x"), SendBudget(1, nobody), 0.01)(scope("/"), Reader().receive, never)

    asyncio.run(work())


def test_another_timeout_is_left_alone() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError("of something else")

    async def work() -> None:
        asked, reader = scope("/"), Reader()
        with pytest.raises(TimeoutError, match="something else"):
            await SendTimeoutMiddleware(fails, SendBudget(1, nobody), SOON_S)(
                with_transport(asked, reader.transport()), reader.receive, reader.send
            )
        assert not reader.is_cut

    asyncio.run(work())


# -- so many bytes at once -------------------------------------------------------------------------------------


def test_large_answers_are_refused_while_those_that_are_sent_take_the_room(api: Api) -> None:
    async def work() -> None:
        async with asyncio.timeout(SOON_S), asyncio.TaskGroup() as tasks:
            readers = [Reader() for _ in range(3)]  # half a megabyte each, one is allowed
            for reader, limit in zip(readers, (1100, 1099, 1098), strict=True):
                asked = with_transport(scope(f"{LARGE}{limit}"), reader.transport())
                tasks.create_task(api.app(asked, reader.receive, reader.send))
                await reader.begun.wait()
            refused = await api.client.get(f"{LARGE}1097")
            small = await api.client.get("/v1/stats?group_by=carrier")
            kept = await api.client.get(f"{LARGE}1100", headers={"Accept-Encoding": "identity"})
            lake = await api.client.get("/v1/lake")
            for _ in range(100):
                for reader in readers:
                    reader.take()
        later = await api.client.get(f"{LARGE}1097")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert refused.json()["type"].endswith("#overloaded")
        assert "1 MB" in refused.json()["detail"]
        assert [a.status_code for a in (small, kept, lake, later)] == [200, 200, 200, 200]
        assert [len(json.loads(reader.body)["data"]) for reader in readers] == [1100, 1099, 1098]

    api.run(work())


def test_a_body_counts_once_however_many_take_it_and_a_small_one_not_at_all() -> None:
    sizes: list[int] = []
    send_budget = SendBudget(3 * CHUNK_BYTES, sizes.append)
    large, other, small = bytes(2 * CHUNK_BYTES), bytes(CHUNK_BYTES + 1), bytes(CHUNK_BYTES)
    with ExitStack() as stack:
        for body in (large, small, large, large, small):
            stack.enter_context(send_budget.sent(body))
        send_budget.check_room()
        assert sizes[-1] == len(large)
        stack.enter_context(send_budget.sent(other))
        assert sizes[-1] == len(large) + len(other)
        with pytest.raises(ProblemError):
            send_budget.check_room()
    assert sizes[-1] == 0
    send_budget.check_room()


# -- the process, and readers that do not read ------------------------------------------------------------------

READERS = 40
RESET = struct.pack("ii", 1, 0)
DAYS, AIRPORTS = 20, 400
GROWTH_MB = 80
"""The room for bodies (API_SEND_BUFFER_MB), two that are made meanwhile with what they are made of, a chunk a
reader, and the allocator's leavings. Without a bound it were READERS times 3 MB."""


def test_slow_readers_are_bounded_cut_off_and_keep_nobody_else_from_an_answer(tmp_path: Path) -> None:
    lake = LakeBuilder(LocalStore(tmp_path / "lake"))
    days = [event()["flight_date"].replace(day=1 + day) for day in range(DAYS)]
    lake.land(*(event(flight_date=day, origin=f"{n:04}") for day in days for n in range(AIRPORTS)))
    lake.merge(collect=True)
    settings = {"API_SEND_TIMEOUT_S": "2", "API_SEND_BUFFER_MB": "8", "API_RESULT_CACHE_MB": "0"}
    with (
        process(tmp_path / "log", LAKE_URL=f"file://{tmp_path}/lake", **settings) as url,
        ExitStack() as stack,
    ):
        whole = fetched(f"{url}/v1/stats?group_by=flight_date,origin&limit=8000")
        assert len(whole) > 2_500_000  # more than a kernel takes for a reader
        with ThreadPoolExecutor(4) as threads:  # what making answers side by side leaves with the allocator
            list(
                threads.map(lambda n: fetched(f"{url}/v1/stats?group_by=flight_date,origin&limit={7000 - n}"), range(8))
            )
        before = metric(url, "process_resident_memory_bytes")
        readers = [stack.enter_context(asking(url, 8000 - n)) for n in range(READERS)]
        statuses = [status_of(reader) for reader in readers]
        most = before
        until = time.monotonic() + SOON_S
        cut_off = 'flights_api_answers_cut_off_total{route="/v1/stats"}'
        while (cut := metric(url, cut_off)) < statuses.count(200):
            assert time.monotonic() < until, (cut, statuses)
            assert json.loads(fetched(f"{url}/v1/stats?group_by=carrier"))["data"][0]["flights"] == DAYS * AIRPORTS
            most = max(most, metric(url, "process_resident_memory_bytes"))
        assert cut == statuses.count(200) > 0
        assert set(statuses) == {200, 503}
        print(f"before {before / 1e6:.0f} MB, most {most / 1e6:.0f} MB, {cut:.0f} cut off")
        assert most - before < GROWTH_MB * 1_000_000
        assert metric(url, "flights_api_sending_bytes") == 0
        for reader, status in zip(readers, statuses, strict=True):
            assert len(rest_of(reader)) < len(whole) // 2, status
        assert fetched(f"{url}/v1/stats?group_by=flight_date,origin&limit=8000") == whole
    log = (tmp_path / "log").read_text()
    assert log.count('"cut_off": true') == cut
    assert "Traceback" not in log
    assert '"severity": "ERROR"' not in log


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=SOON_S) as answer:
        body: bytes = answer.read()
    return body


def metric(url: str, name: str) -> float:
    match = re.search(rf"^{re.escape(name)} (\S+)$", fetched(f"{url}/metrics").decode(), re.MULTILINE)
    return 0.0 if match is None else float(match[1])


def asking(url: str, limit: int) -> socket.socket:
    """A connection that has asked for a large answer, and takes as little as can be."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(SOON_S)
    reader.connect(("127.0.0.1", int(url.rpartition(":")[2])))
    path = f"/v1/stats?group_by=flight_date,origin&limit={limit}"
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader


def status_of(reader: socket.socket) -> int:
    """Looks at the first line, which stays to be read."""
    return int(reader.recv(12, socket.MSG_PEEK)[9:12])


def rest_of(reader: socket.socket) -> bytes:
    """What can still be read; ends with a reset, or by itself after a problem."""
    received = b""
    try:
        while part := reader.recv(65536):
            received += part
            if received.startswith(b"HTTP/1.1 503") and received.endswith(b"}"):
                break
    except ConnectionResetError:
        assert received.startswith(b"HTTP/1.1 200"), received[:100]
        return received
    assert received.startswith(b"HTTP/1.1 503"), received[:100]
    return received
