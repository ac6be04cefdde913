"""Runs the API: settings, sockets, uvicorn, signals."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import ExitStack
from functools import partial
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn

from lakehouse.store.open import open_store
from lakehouse.store.store import Store
from lakehouse.telemetry import logs
from query_service.app import create_app
from query_service.auth.api_keys import Keys, load_keys
from query_service.cgroup import memory_limit_bytes
from query_service.lifespan import workspace
from query_service.server.descriptors import ConnectionRoom, connection_room, raise_descriptor_limit
from query_service.server.http_protocol import Connection, ConnectionSlots
from query_service.server.listening import listen
from query_service.settings import Settings, load_settings, memory_needed_mb

_GRACE_S = 8  # Cloud Run kills ten seconds after SIGTERM
_LAST_WORDS_S = 1.0  # for requests that are cancelled: each answers that the service is stopping

_log = logging.getLogger("query_service")


def run() -> int:
    """Serves until a signal. 0 after one, 1 when the application did not start.

    Raises ConfigError and StoreAccessDeniedError.
    """
    settings = load_settings()
    logs.configure(settings.log_format, lines_per_minute=settings.log_lines_per_minute)
    keys = load_keys(settings.keys, settings.keys_file)
    room = connection_room(settings.max_connections, raise_descriptor_limit(settings.max_connections))
    store = open_store(settings.lake_url, must_exist=True)
    with workspace(settings.cache_dir):
        pass  # usable; it is opened again when the application starts
    with ExitStack() as closing:
        sockets = listen(settings.host, settings.port, closing)
        _announce(store, settings, keys)
        return _serve(sockets, uvicorn_config(store, settings, keys, room), settings.backlog_connections)


def _serve(sockets: list[socket.socket], config: uvicorn.Config, backlog_connections: int) -> int:
    """0 after a signal, 1 when the application did not start."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again when it has shut down: that is no failure
    server = _Server(config, backlog_connections)
    server.run(sockets=sockets)
    return 0 if server.started else 1


def uvicorn_config(store: Store, settings: Settings, keys: Keys, room: ConnectionRoom) -> uvicorn.Config:
    """How the application is served: over Connection, within `room` and the limits of `settings`."""
    slots = ConnectionSlots(
        room.max_connections,
        per_caller=settings.max_connections_per_caller,
        for_probes=min(settings.probe_connections, room.accepted_at_once),  # where descriptors are few, no more
        stall_s=settings.send_stall_s,
    )
    waiting = settings.max_pipelined_requests
    connection: Any = partial(Connection, slots=slots, waiting_requests=waiting, root_path=settings.root_path)
    return uvicorn.Config(
        lambda: create_app(store, settings, keys=keys),
        factory=True,
        http=connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # what a caller writes into X-Forwarded-For is not taken for its address
        backlog=room.accepted_at_once,  # asyncio accepts as many in one turn; see _Server
        timeout_keep_alive=settings.keep_alive_s,
        h11_max_incomplete_event_size=settings.head_kb * 1000,  # Connection keeps to it, though it is not h11
        timeout_graceful_shutdown=_GRACE_S,
    )


class _Server(uvicorn.Server):
    """Logs its address as soon as it answers, and ends in order however often it is told to."""

    def __init__(self, config: uvicorn.Config, backlog_connections: int) -> None:
        super().__init__(config)
        self._backlog_connections = backlog_connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in (sockets or ()) if self.started else ():
            each.listen(self._backlog_connections)  # the kernel's queue may be longer than what is accepted in one turn
            host, port = each.getsockname()[:2]
            _log.info("running on http://%s:%d", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """After a second signal uvicorn waits for no request, and lets the end of the loop cancel the application.

        Which logs a traceback. It is told to end instead, once the requests have been.
        """
        await super().shutdown(sockets)
        if self.force_exit and isinstance(self.lifespan, LifespanOn) and not self.lifespan.shutdown_event.is_set():
            for task in self.server_state.tasks:
                task.cancel()
            if self.server_state.tasks:
                await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS_S)
            await self.lifespan.shutdown()


def _announce(store: Store, settings: Settings, keys: Keys) -> None:
    """Logs the lake, the access and the limits."""
    _log.info(
        "serving %s on %s:%d; plans up to %g s old, %d queries at once, %d more may wait, %g s for an answer,"
        " %d MB of files, %d MB for DuckDB",
        store.url,
        settings.host,
        settings.port,
        settings.plan_max_age_s,
        settings.max_concurrent_queries,
        settings.queue_limit,
        settings.query_timeout_s,
        settings.file_cache_mb,
        settings.duckdb_memory_mb,
    )
    if keys.entries:
        _log.info("API keys are on: /v1/ is for %s", ", ".join(keys.names))
        if settings.canary_key not in keys.names and settings.canary_long_polls > 0:
            _log.warning("API_CANARY_KEY is %r, and no key has that name: nobody has its places", settings.canary_key)
    else:
        _log.info("the API is open: API_KEYS is not set")
    if settings.rate_per_s > 0:
        each = "each key" if keys.entries else "all callers together"
        _log.info("rate limit for %s: %g requests a second, %d at once", each, settings.rate_per_s, settings.rate_burst)
    else:
        _log.info("rate limit is off (API_RATE_PER_S is 0)")
    limit = memory_limit_bytes()
    needed_mb = memory_needed_mb(settings)
    if limit is not None and needed_mb * 1_000_000 > limit:
        _log.warning(
            "this instance may take %d MB by its settings, and its container %d MB; where its file system is memory"
            " (Cloud Run) it will be killed: lower API_FILE_CACHE_MB or API_DUCKDB_MEMORY_MB",
            needed_mb,
            limit // 1_000_000,
        )
