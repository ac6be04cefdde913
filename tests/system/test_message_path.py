"""How far an event travels from pull to ack: the files of ours that it visits."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.subscriber.metrics import WriterMetrics
from tests._support.fakes import bench, flights
from tests._support.virtual_time import run_virtually
from tests._support.visited_files import VisitedFiles


@pytest.mark.parametrize(
    ("events", "most_files"),
    [
        (1, 12),  # decoded one by one
        (300, 13),  # decoded as columns
    ],
)
def test_few_files_are_visited_from_pull_to_ack(events: int, most_files: int) -> None:
    """`most_files` is what it is. It may fall, never rise."""
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
    assert {"ingest_writer/subscriber/writer.py", "ingest_writer/landing.py"} <= set(visited.names)
    assert len(visited.names) <= most_files, str(visited)
