"""Serves the application over real HTTP on the loopback, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from query_service.app import create_app
from query_service.settings import Settings
from tests.verification.fuzz.requests.lake import Lake

_PATIENCE_S = 20


@contextmanager
def served(lake: Lake, cache_dir: Path) -> Iterator[str]:
    """The base URL, until the block ends. Long polls are off, as in a campaign."""
    settings = Settings(
        lake_url=lake.store.url, cache_dir=cache_dir, max_long_polls=0, canary_long_polls=0, max_concurrent_queries=2
    )
    app = create_app(lake.store, settings)
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            thread.join(0.01)
        assert server.started
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)
