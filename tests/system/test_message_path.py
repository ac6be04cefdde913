"""How far an event travels from pull to ack: the files of ours that it visits."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import pytest
from google.cloud import storage
from prometheus_client import CollectorRegistry

from ingest_writer.subscriber.metrics import MeasuredSubscription, WriterMetrics
from ingest_writer.subscriber.options import Limits
from ingest_writer.subscriber.pubsub import PubsubSubscription
from ingest_writer.subscriber.writer import Writer
from lakehouse.store.gcs import GcsStore
from lakehouse.telemetry.instrumented_store import InstrumentedStore
from local_cloud.emulators.gcs import GcsServer
from local_cloud.emulators.pubsub import Faults
from tests._support.events.builders import ids, microseconds
from tests._support.servers.pubsub import SUBSCRIPTION, PubsubBench, pubsub_bench
from tests._support.subscriber.bench import OPTIONS, flights
from tests._support.visited_files import VisitedFiles
from tests._support.waiting import eventually

MOST_FILES = 12
"""Of ours, in a real writer, with those that call Pub/Sub and Cloud Storage and measure both. It may
fall, never rise. Log lines are formatted in one more: of a good event, after its ack."""

_SOON = dataclasses.replace(OPTIONS, limits=Limits(max_rows=1000, max_bytes=1_000_000, max_age_s=0.05, max_dates=400))


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubBench]:
    with pubsub_bench(monkeypatch, Faults()) as bench:
        bench.advance(microseconds("2013-01-01T12:00:00Z") / 1e6 - bench.clock.now_s)  # when the events happen
        yield bench


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with GcsServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        client = storage.Client()
        client.create_bucket("lake")
        yield "lake"
        client.close()


@pytest.mark.parametrize(
    ("events", "decoding"),
    [
        (1, {"decoder.py", "line.py"}),  # the slow path
        (300, {"decoder.py", "vectorized.py"}),  # the fast path
    ],
)
def test_few_files_are_visited_from_pull_to_ack(
    events: int, decoding: set[str], pubsub: PubsubBench, bucket: str
) -> None:
    visited = VisitedFiles(("lakehouse", "ingest_writer"))
    root = logging.getLogger()  # an earlier test may have given it a handler with our format
    with patch.object(root, "handlers", []), visited.on_all_threads(), _writer(bucket) as writer:
        asyncio.run(_twice(writer, pubsub, flights(events), visited))
    stages = {f"ingest_writer/subscriber/{name}.py" for name in ("puller", "buffer", "writer", "uploads", "metrics")}
    stages |= {f"ingest_writer/decoding/{name}" for name in decoding}
    stages |= {"ingest_writer/landing.py", "lakehouse/store/gcs.py", "lakehouse/telemetry/instrumented_store.py"}
    assert stages | {"ingest_writer/subscriber/pubsub.py"} <= set(visited.names)
    assert len(visited.names) <= MOST_FILES, str(visited)


async def _twice(writer: Callable[[], Writer], pubsub: PubsubBench, events: list[bytes], visited: VisitedFiles) -> None:
    """Records the second time: at the first one, things are done that are done once a process."""
    running, stop = writer(), asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await _published(running, pubsub, events)
    with visited.recording():
        await _published(running, pubsub, events)
    stop.set()
    await task


async def _published(writer: Writer, pubsub: PubsubBench, events: list[bytes]) -> None:
    """Returns when all are acked."""
    expected = writer.counts.acked + len(events)
    await asyncio.to_thread(pubsub.publish, *events)
    await asyncio.to_thread(eventually, lambda: writer.counts.acked == expected, "all are acked")


@contextmanager
def _writer(bucket: str) -> Iterator[Callable[[], Writer]]:
    """Makes a writer, inside its event loop, of the parts that `python -m ingest_writer run` uses."""
    metrics = WriterMetrics(CollectorRegistry())
    subscription, store = PubsubSubscription(SUBSCRIPTION), InstrumentedStore(GcsStore(bucket), metrics.store)

    def made() -> Writer:
        run_blocking = partial(asyncio.get_running_loop().run_in_executor, threads)
        measured = MeasuredSubscription(subscription, metrics.subscription)
        writer = Writer(measured, store, _SOON, ids(), random.Random(42), run_blocking, metrics)
        metrics.watch(writer, writer.counts)
        return writer

    with ThreadPoolExecutor(8) as threads:
        yield made
    subscription.close()
