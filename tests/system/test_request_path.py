"""How far one question travels: the files of ours that a reader has to open to follow it."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection

import pytest
import uvicorn

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import Keys
from query_service.server.descriptors import connection_room
from query_service.server.listening import listen
from query_service.server.run import uvicorn_config
from query_service.settings import Settings
from tests._support.api.request_log import logged
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.visited_files import VisitedFiles
from tests._support.waiting import eventually

MOST_FILES = 25
"""What it is, on a kept connection and on a new one. It may fall, never rise."""


@pytest.mark.parametrize("is_kept", [True, False])
def test_few_files_are_visited_when_a_warm_question_is_answered(
    is_kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The plan is fresh, the files are on disk, and this very question was not asked before."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="AA", flight_number=1))
    lake.merge()
    lake.land(event(flight_number=2))
    visited = VisitedFiles(("lakehouse", "query_service"))
    with (
        visited.on_all_threads(),
        caplog.at_level(logging.INFO),
        _served(lake) as port,
        _connection(port) as first,
        _connection(port) as other,
    ):
        assert _flights(first, "AA", caplog) == 1
        with visited.recording():
            assert _flights(first if is_kept else other, "UA", caplog) == 2
    parts = ("server/http_protocol", "middleware/access_log", "api/routes", "engine/database")
    assert {f"query_service/{part}.py" for part in parts} <= set(visited.names)
    assert len(visited.names) <= MOST_FILES, str(visited)


@contextmanager
def _served(lake: LakeBuilder) -> Iterator[int]:
    """The port of the server that `python -m query_service` runs, in a thread of this process."""
    settings = Settings(lake_url=lake.store.url, max_concurrent_queries=2, plan_max_age_s=3600)
    server = uvicorn.Server(uvicorn_config(lake.store, settings, Keys(()), connection_room(8, 1024)))
    with ExitStack() as closing_sockets:
        sockets = listen("127.0.0.1", 0, closing_sockets)
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        try:
            eventually(lambda: server.started, "the server has started")
            yield sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def _connection(port: int) -> closing[HTTPConnection]:
    """Opened by its first request."""
    return closing(HTTPConnection("127.0.0.1", port, timeout=30))


def _flights(connection: HTTPConnection, carrier: str, caplog: pytest.LogCaptureFixture) -> int:
    """Returns when the request has its line in the log, which comes after the answer."""
    lines = len(logged(caplog))
    connection.request("GET", f"/v1/stats?carrier={carrier}")
    flights: int = json.load(connection.getresponse())["data"][0]["flights"]
    eventually(lambda: len(logged(caplog)) > lines, "the request is logged")
    return flights


def test_a_file_is_visited_when_its_function_runs_on_another_thread() -> None:
    visited = VisitedFiles(("lakehouse",))
    with visited.on_all_threads(), ThreadPoolExecutor(1) as threads:
        threads.submit(object_names.month_of, dt.date(2013, 1, 1)).result()
        assert not visited.names
        with visited.recording():
            threads.submit(object_names.month_of, dt.date(2013, 1, 1)).result()
    assert visited.names == ["lakehouse/object_names.py"]
