"""What a compactor measures, for Prometheus. docs/metrics.md explains each name; a test holds the two together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from ingest_writer.compaction.garbage_collector import Collected
from ingest_writer.compaction.model import Report
from ingest_writer.publishing.publisher import Published
from lakehouse.errors import ForeignSnapshotError
from lakehouse.telemetry.instrumented_store import StoreMetrics
from lakehouse.telemetry.prometheus import exposition

_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class CompactorMetrics:
    """Counts runs; the page is what a scraper gets."""

    def __init__(self, registry: CollectorRegistry, wall_clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._wall_clock = wall_clock
        self.store = StoreMetrics(registry)
        ProcessCollector(registry=registry)
        self._runs = Counter(
            "flights_compactor_runs", "Compactions, collection included", ("outcome",), registry=registry
        )
        self._seconds = Histogram(
            "flights_compactor_run_seconds", "How long they took", buckets=_SECONDS, registry=registry
        )
        self._files = self._counter("merged_files", "Landed files absorbed by a commit")
        self._months = self._counter("merged_months", "Months committed, each once a run")
        self._rows = self._counter("merged_rows", "Rows of their new files")
        self._bytes = self._counter("merged_bytes", "Bytes of their new files")
        self._conflicts = self._counter("key_conflicts", "Keys of those rows that two flights seem to share")
        self._rebases = self._counter("rebases", "Commits that another compactor was faster with")
        self._collected = Counter(
            "flights_compactor_collected_objects", "Objects deleted", ("kind",), registry=registry
        )
        self._snapshot = self._gauge("snapshot_number", "The latest snapshot, after the last run")
        self._pending = self._gauge("pending_files", "Landed files not absorbed yet, after the last run")
        self._unreadable = self._gauge("unreadable_files", "Objects that could not be read, in the last run")
        self._failed = self._gauge("failed_months", "Months that could not be merged, in the last run")
        self._foreign = self._gauge(
            "foreign_snapshot", "1 while the last run stopped at a snapshot that no compactor of ours made"
        )
        self._unpublished = self._counter("publish_failures", "Runs that did not bring the outside tables up to date")
        self._published = Gauge(
            "flights_compactor_published_snapshot", "The snapshot that it is at", ("table",), registry=registry
        )
        self._success = self._gauge("last_success_timestamp_seconds", "When a run last went through, Unix time")

    def page(self) -> bytes:
        """The metrics in the text format."""
        return exposition(self._registry)

    def ran(self, report: Report, collected: Collected, seconds: float) -> None:
        """A run ended."""
        self._runs.labels("committed" if report.months else "idle").inc()
        self._success.set(self._wall_clock())
        self._unpublished.inc(report.unpublished is not None)
        self._foreign.set(0)
        self._seconds.observe(seconds)
        self._files.inc(report.absorbed_files)
        self._months.inc(len(report.months))
        self._rows.inc(report.rows)
        self._bytes.inc(report.written_bytes)
        self._conflicts.inc(report.conflicts.count)
        self._rebases.inc(report.rebases)
        self._collected.labels("snapshot").inc(collected.snapshots)
        self._collected.labels("landed").inc(collected.landed_files)
        self._collected.labels("month").inc(collected.month_files)
        self._snapshot.set(report.snapshot)
        self._pending.set(report.pending_files)
        self._unreadable.set(len(report.unreadable))
        self._failed.set(len(report.failed))

    def published(self, published: Published) -> None:
        """The outside tables are up to date."""
        self._published.labels("delta").set(published.delta)
        self._published.labels("iceberg").set(published.iceberg)

    def failed(self, error: BaseException | None = None) -> None:
        """A run ended with an error."""
        self._runs.labels("failed").inc()
        if error is not None:
            self._foreign.set(isinstance(error, ForeignSnapshotError))

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"flights_compactor_{name}", text, registry=self._registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"flights_compactor_{name}", text, registry=self._registry)
