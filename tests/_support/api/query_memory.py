"""A process that asks expensive questions and prints how much memory it had after them: `python -m ... THREADS`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from query_service.engine.database import Database, Query
from query_service.observer import Observer
from query_service.representation.encoders import encoded
from query_service.representation.negotiation import ARROW, CSV, JSON, PARQUET, Format

LIMIT_MB = 128
_HUNGRY = Query(
    "SELECT a, list(b) FROM (SELECT range % 100 AS a, hash(range)::VARCHAR AS b FROM range(5000000)) GROUP BY a"
)
_LARGE = Query(f"SELECT {', '.join(f'hash(range + {n})::VARCHAR AS c{n}' for n in range(20))} FROM range(4000)")
_QUERIES_MB = 40
_ANSWERS_MB = 90
_PATIENCE_S = 30.0


async def measure(database: Database) -> dict[str, float]:
    """Megabytes above those after a first small query; `peak_mb` right after the dear ones."""
    await database.fetch(Query("SELECT 1"), _nothing)
    before = _resident_mb()
    for _ in range(2):
        with contextlib.suppress(duckdb.OutOfMemoryException):
            await database.fetch(_HUNGRY, _nothing)
            raise AssertionError("it was to need more memory than there is")
    peak = _resident_mb() - before
    for _ in range(2):
        await _abandon(database, _HUNGRY)
    await database.fetch(Query("SELECT 1"), _nothing)  # the slot is free: what was stopped has ended
    queries = _settled(before, _QUERIES_MB)
    for _ in range(3):
        for format in (JSON, CSV, ARROW, PARQUET):
            await _leave(database, format)
    answers = _settled(before, _ANSWERS_MB)
    return {"peak_mb": peak, "queries_mb": queries, "answers_mb": answers, "arrow_bytes": pa.total_allocated_bytes()}


async def _abandon(database: Database, query: Query) -> None:
    """As a deadline does in the middle of it."""
    with contextlib.suppress(TimeoutError, duckdb.OutOfMemoryException):
        async with asyncio.timeout(0.3):
            await database.fetch(query, _nothing)


async def _leave(database: Database, format: Format) -> None:
    """A caller asks for a large answer and has gone before it is encoded."""
    table = await database.fetch(_LARGE, _nothing)
    encoding = asyncio.create_task(
        database.finish(lambda: b"".join(encoded(table, format, {"truncated": False})), _nothing)
    )
    await asyncio.sleep(0)
    encoding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await encoding


def _settled(before: float, most: float) -> float:
    """When it is little, or all patience is gone. Nothing else is going on, so it may block the loop."""
    patience = threading.Event()
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        above = _resident_mb() - before
        is_little = above <= most and pa.total_allocated_bytes() == 0  # else an abandoned answer is still being made
        if is_little or time.monotonic() > deadline:
            return above
        patience.wait(0.1)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def _nothing() -> None:
    return


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(Path(folder), LIMIT_MB, int(sys.argv[1]), Observer())) as database,
    ):
        print(json.dumps(asyncio.run(measure(database))))


if __name__ == "__main__":
    main()
