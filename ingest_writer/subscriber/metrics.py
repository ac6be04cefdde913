"""Shows in Prometheus what a writer counts and measures.

`/ready`, the last log line and the counters of `/metrics` all read `Counts`: nothing is counted
twice. Histograms and gauges are an `Observer`. docs/metrics.md explains each name; a test compares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from ingest_writer.landing import Prepared
from ingest_writer.message import Message
from ingest_writer.subscriber.buffer import Batch
from ingest_writer.subscriber.counts import Counts, Observer
from ingest_writer.subscriber.subscription import AckIdsError, Subscription, SubscriptionUnavailableError
from lakehouse.telemetry.instrumented_store import StoreMetrics
from lakehouse.telemetry.prometheus import exposition

_ROWS: Final = (1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 400_000)
_BYTES: Final = (1e3, 1e4, 1e5, 1e6, 4e6, 16e6, 64e6, 128e6)
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 300.0, 1800.0)
_OBJECTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 400)


class Health(Protocol):
    """What is wrong with a writer; empty texts when nothing is."""

    @property
    def subscription_error(self) -> str: ...

    @property
    def batch_error(self) -> str: ...

    def storage_state(self, now_s: float) -> str: ...


class WriterMetrics(Observer):
    """Measures a writer, its store and its subscription; the page is what a scraper gets.

    The page also shows the writer's `Counts`, as they are when it is made.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is that of the writer's event loop."""
        self._registry = registry
        self._clock = clock
        self._oldest_s: float | None = None
        self.store = StoreMetrics(registry)
        ProcessCollector(registry=registry)
        self.subscription = SubscriptionMetrics(registry)
        self._batch_rows = self._histogram("batch_rows", "Rows of a batch, rejected lines included", _ROWS)
        self._batch_bytes = self._histogram("batch_bytes", "Message bytes of a batch, attributes included", _BYTES)
        self._batch_age = self._histogram("batch_age_seconds", "How long a batch was collected", _SECONDS)
        self._batch_objects = self._histogram("batch_objects", "Objects that a batch became", _OBJECTS)
        self._landing = self._histogram("landing_seconds", "From closing a batch until it is durable", _SECONDS)
        self._buffer_rows = self._gauge("buffer_rows", "Rows in memory, not acked")
        self._buffer_bytes = self._gauge("buffer_bytes", "Message bytes in memory, attributes included, not acked")
        oldest = self._gauge("oldest_unacked_age_seconds", "How long ago the oldest message in memory was received")
        oldest.set_function(self._oldest_age_s)

    def page(self) -> bytes:
        """The metrics in the text format."""
        return exposition(self._registry)

    def watch(self, writer: Health, counts: Counts) -> None:
        """Shows the writer's health (1 while something is wrong) and its counts."""
        self._registry.register(CountsCollector(counts))
        self._gauge("storage_trouble", "Storage is away, or has not answered an upload for long").set_function(
            lambda: bool(writer.storage_state(self._clock()))
        )
        self._gauge("subscription_trouble", "Pub/Sub is away, or has not answered yet").set_function(
            lambda: bool(writer.subscription_error)
        )
        self._gauge("batch_trouble", "The last batch could not be prepared").set_function(
            lambda: bool(writer.batch_error)
        )

    def landed(self, batch: Batch, prepared: Prepared, age_s: float, landing_s: float) -> None:
        self._batch_rows.observe(prepared.events + sum(map(len, prepared.rejected.values())))
        self._batch_bytes.observe(batch.byte_count)
        self._batch_age.observe(age_s)
        self._batch_objects.observe(len(prepared.objects))
        self._landing.observe(landing_s)

    def holds(self, batches: Sequence[Batch]) -> None:
        self._buffer_rows.set(sum(batch.row_count for batch in batches))
        self._buffer_bytes.set(sum(batch.byte_count for batch in batches))
        self._oldest_s = min((lease.received_s for batch in batches for lease in batch.leases), default=None)

    def _oldest_age_s(self) -> float:
        oldest_s = self._oldest_s  # another thread may ask
        return 0.0 if oldest_s is None else self._clock() - oldest_s

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"flights_writer_{name}", text, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"flights_writer_{name}", text, buckets=buckets, registry=self._registry)


@dataclass(frozen=True, eq=False)
class CountsCollector(Collector):
    """A writer's counts as Prometheus counters, read for each page, by the thread that makes it."""

    counts: Counts

    def collect(self) -> Iterator[Metric]:
        counts = self.counts
        yield _counter("received_messages", "Messages pulled", counts.messages)
        yield _counter("acked_messages", "Messages acked", counts.acked)
        yield _counter("given_up_messages", "Messages given back since their lease could not be kept", counts.given_up)
        yield _counter("decoded_rows", "Events decoded", counts.decoded_rows)
        rejected = _counter("rejected_lines", "Lines that could not be used", labels=("stage",))
        for stage, lines in tuple(counts.decoded_rejected.items()):
            rejected.add_metric((stage,), lines)
        yield rejected
        unknown = "Fields of events that nobody knows, ignored"
        yield _counter("unknown_fields", unknown, counts.decoded_unknown_fields)
        yield _counter("failed_batches", "Batches that could not be prepared", counts.failed_batches)
        yield _counter("landed_rows", "Rows that are durable, under landing/", counts.rows)
        yield _counter("landed_objects", "Objects that are durable, rejected ones included", counts.landed_objects)


def _counter(
    name: str, text: str, value: int | None = None, labels: Sequence[str] | None = None
) -> CounterMetricFamily:
    return CounterMetricFamily(f"flights_writer_{name}", text, value, labels)


class SubscriptionMetrics:
    """Calls of Pub/Sub with their outcomes, and what only they know."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "flights_writer_subscription_requests", "Calls of Pub/Sub", ("operation", "outcome"), registry=registry
        )
        self.received_bytes = Counter("flights_writer_received_bytes", "Bytes of those messages", registry=registry)
        self.receive_delay = Histogram(
            "flights_writer_receive_delay_seconds",
            "From publishing to pulling, of the oldest message of a pull",
            buckets=_SECONDS,
            registry=registry,
        )
        self.nacked = Counter("flights_writer_nacked_messages", "Messages given back at once", registry=registry)
        self.extended = Counter("flights_writer_lease_extensions", "Messages kept longer", registry=registry)


class MeasuredSubscription:
    """Measures a subscription."""

    def __init__(
        self, inner: Subscription, metrics: SubscriptionMetrics, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._metrics = metrics
        self._wall_clock = wall_clock

    async def pull(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        with self._measured("pull"):
            messages = await self._inner.pull(max_messages, wait=wait)
        if messages:
            self._metrics.received_bytes.inc(sum(len(message.data) for message in messages))
            oldest_s = min(message.publish_time_us for message in messages) / 1e6
            self._metrics.receive_delay.observe(max(0.0, self._wall_clock() - oldest_s))
        return messages

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        with self._measured("ack"):
            await self._inner.acknowledge(ack_ids)

    async def modify_ack_deadline(self, ack_ids: Sequence[str], seconds: int) -> None:
        with self._measured("extend" if seconds else "nack"):
            await self._inner.modify_ack_deadline(ack_ids, seconds)
        (self._metrics.extended if seconds else self._metrics.nacked).inc(len(ack_ids))

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        try:
            yield
        except AckIdsError:
            self._metrics.requests.labels(operation, "partly").inc()
            raise
        except SubscriptionUnavailableError:
            self._metrics.requests.labels(operation, "unavailable").inc()
            raise
        self._metrics.requests.labels(operation, "ok").inc()
