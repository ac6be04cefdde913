"""The sockets that the API is served on: an answer over a kept connection does not wait for acknowledgements."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lakehouse.store.local import LocalStore
from query_service.server.listening import listen
from tests._support.api.process import started
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.processes.commands import free_port
from tests._support.waiting import eventually, is_listening

_ANSWERS = 50
_MOST_TIMES_THE_EMPTY_ROUTE = 5  # without TCP_NODELAY it was 36 times, with it 1.2
_PATIENCE_S = 30
_PATH = "/v1/stats?carrier=UA"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_accepted_sockets_send_without_delay(host: str) -> None:
    async def nodelay(bound: socket.socket) -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def on_connection(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(on_connection, sock=bound):
            _, writer = await asyncio.open_connection(*bound.getsockname()[:2])
            async with asyncio.timeout(_PATIENCE_S):
                found = await accepted
            writer.close()
            await writer.wait_closed()
        return found

    with ExitStack() as stack:
        sockets = listen(host, 0, stack)
        assert sockets
        assert all(asyncio.run(nodelay(bound)) for bound in sockets)


def test_answers_over_a_kept_connection_take_about_as_long_as_an_empty_route(tmp_path: Path) -> None:
    LakeBuilder(LocalStore(tmp_path / "lake")).land(event(carrier="UA"))
    environment = {
        "LAKE_URL": f"file://{tmp_path}/lake",
        "PORT": str(free_port()),
        "API_HOST": "127.0.0.1",
        "API_CACHE_DIR": str(tmp_path / "cache"),
        "API_PLAN_MAX_AGE_S": "60",
    }
    with started(environment) as (_, url), empty_route() as empty_url, ExitStack() as stack:
        ours, empty = (stack.enter_context(closing(connected(each))) for each in (url, empty_url))
        for warm_up in (ours, empty):
            answer_ms(warm_up)
        times = [(answer_ms(ours), answer_ms(empty)) for _ in range(_ANSWERS)]
    ours_ms, empty_ms = (statistics.median(side) for side in zip(*times, strict=True))
    assert ours_ms < _MOST_TIMES_THE_EMPTY_ROUTE * empty_ms


@contextmanager
def empty_route() -> Iterator[str]:
    """The URL of an empty FastAPI route with the parameters of /v1/stats, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "bench.peers.empty_route"]
    with subprocess.Popen(command, env=os.environ | {"PORT": str(port)}) as process:
        try:
            eventually(lambda: is_listening(port) or process.poll() is not None, "it listens", _PATIENCE_S)
            assert process.poll() is None
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def connected(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE_S)


def answer_ms(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", _PATH)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    return (time.perf_counter() - began) * 1000
