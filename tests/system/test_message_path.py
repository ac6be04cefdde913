"""How far an event travels from pull to ack: the files of ours that it visits."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.subscriber.metrics import WriterMetrics
from tests._support.fakes import bench, flights
from tests._support.virtual_time import run_virtually
from tests._support.visited_files import VisitedFiles

MOST_FILES = 12
"""Of ours, with the store in memory. It may fall, never rise."""


@pytest.mark.parametrize(
    ("events", "decoding"),
    [
        (1, {"decoder.py", "line.py"}),  # the slow path
        (300, {"decoder.py", "vectorized.py"}),  # the fast path
    ],
)
def test_few_files_are_visited_from_pull_to_ack(events: int, decoding: set[str]) -> None:
    visited = VisitedFiles(("lakehouse", "ingest_writer"))

    async def scenario() -> None:
        async with bench(metrics=WriterMetrics(CollectorRegistry())) as b:
            b.subscription.publish(*flights(events))
            await b.until(lambda: b.subscription.unacked == 0)  # what is done once a process
            with visited.recording():
                b.subscription.publish(*flights(events))
                await b.until(lambda: b.writer.counts.messages == 2 * events)
                await b.until(lambda: b.subscription.unacked == 0)

    with visited.on_all_threads():
        run_virtually(scenario())
    stages = {f"ingest_writer/subscriber/{name}.py" for name in ("puller", "buffer", "writer", "uploads", "metrics")}
    stages |= {f"ingest_writer/decoding/{name}" for name in decoding}
    stages |= {"ingest_writer/landing.py", "lakehouse/store/memory.py"}
    assert stages <= set(visited.names)
    assert len(visited.names) <= MOST_FILES, str(visited)
