"""One writer as a process: stopped by a signal, seen over HTTP (/health, /ready, /metrics)."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

from ingest_writer.health_server import HealthLimits, Page, Status, listen
from ingest_writer.subscriber.writer import Writer
from lakehouse.telemetry import logs

log = logging.getLogger("ingest_writer")


async def run_writer(writer: Writer, port: int, lake_url: str, metrics: Page, limits: HealthLimits) -> None:
    """Runs the writer and answers on `port` (WRITER_PORT) until SIGTERM or SIGINT.

    Raises ConfigError when the port is taken.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    status: Status = partial(_status, writer, loop, stop)
    health = listen("WRITER_PORT", port, status, metrics, limits)
    log.info(
        "writer starts: lake=%s port=%d batch_max_age_s=%s",
        lake_url,
        health.port,
        writer.batch_max_age_s,
        extra=logs.fields(starts=1),  # an alert counts these lines
    )
    try:
        await writer.run(stop)
    finally:
        health.close()
        counted = {name: value for name, value in status().items() if isinstance(value, int)}
        log.info("writer stopped: %s", counted, extra=logs.fields(**counted))


def _status(writer: Writer, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> Mapping[str, Any]:
    return writer_status(writer, loop.time(), stop.is_set())


def writer_status(writer: Writer, now_s: float, is_stopping: bool) -> Mapping[str, Any]:
    """What /ready shows at `now_s` of the loop's clock."""
    storage_error = writer.storage_state(now_s)
    counts = writer.counts
    return {
        "ready": not any((storage_error, writer.subscription_error, writer.batch_error, is_stopping)),
        "storage": storage_error or "ok",
        "batches": writer.batch_error or "ok",
        "failed_batches": counts.failed_batches,
        "subscription": writer.subscription_error or "ok",
        "messages": counts.messages,
        "rows": counts.rows,
        "rejected": counts.rejected,
        "landed_objects": counts.landed_objects,
        "acked": counts.acked,
        "given_up": counts.given_up,
        "unknown_fields": counts.unknown_fields,
    }
