"""What the service measures, for Prometheus. docs/metrics.md explains each name; a test holds the two together.

Label values are bounded by the code or the configuration: never a path, a flight or a carrier as it was asked for.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Now, Plan
from lakehouse.telemetry.instrumented_store import StoreMetrics
from lakehouse.telemetry.prometheus import exposition
from query_service.engine.executor import QueryExecutor
from query_service.engine.plan_cache import PlanCache
from query_service.engine.tail_cache import TailCache
from query_service.observer import Observer
from query_service.queries.result_cache import Results
from query_service.queries.rollup_cache import RollupCache

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From an answer that is kept to the longest wait."""

_KNOWN_FOR_S: Final = 60.0
"""A look at the whole lake says nothing about freshness after a few scrapes."""


class Metrics(Observer):
    """Counts what the parts report; the page is what a scraper gets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.store = StoreMetrics(registry)
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "flights_api_requests", "Requests, by route", ("route", "status", "key"), registry=registry
        )
        self._request_seconds = Histogram(
            "flights_api_request_seconds", "From request to last byte", ("route",), buckets=_SECONDS, registry=registry
        )
        self._response_bytes = Counter(
            "flights_api_response_bytes", "Bytes of bodies sent", ("route",), registry=registry
        )
        self._problems = Counter("flights_api_problems", "Problem documents sent", ("kind",), registry=registry)
        self._admitted = Counter("flights_api_questions_admitted", "Questions taken", registry=registry)
        self._shed = Counter("flights_api_questions_shed", "Questions turned away", registry=registry)
        self._queries_waiting = Gauge("flights_api_queries_waiting", "Work that waits for a core", registry=registry)
        self._queries_running = Gauge("flights_api_queries_running", "Queries that run", registry=registry)
        self._query_seconds = Histogram(
            "flights_api_query_seconds", "How long queries ran", buckets=_SECONDS, registry=registry
        )
        self._sending_bytes = Gauge(
            "flights_api_sending_bytes", "Bytes of large bodies that are being sent", registry=registry
        )
        self._cut_off = Counter(
            "flights_api_answers_cut_off", "Answers that were not taken in time", ("route",), registry=registry
        )
        self._freshness = Gauge(
            "flights_api_freshness_seconds", "Age of the newest event when the lake was looked at", registry=registry
        )
        self._tail_rows = Gauge("flights_api_tail_rows", "Rows not merged yet, at that look", registry=registry)
        self._looked_at: dt.datetime | None = None
        self._forget_look()

    def page(self, now: dt.datetime) -> bytes:
        """The metrics in the text format."""
        if self._looked_at is None or abs((now - self._looked_at).total_seconds()) > _KNOWN_FOR_S:
            self._forget_look()
        return exposition(self._registry)

    def watch(self, parts: Collector) -> Callable[[], None]:
        """Shows what `parts` collects too, until the returned function is called."""
        self._registry.register(parts)
        return lambda: self._registry.unregister(parts)

    def answered(self, route: str, status: int, key: str, problem: str | None, seconds: float, size: int) -> None:
        """A request was answered: `route` is a route's pattern, `key` a configured name, `problem` one of our kinds."""
        self._requests.labels(route, str(status), key).inc()
        self._request_seconds.labels(route).observe(seconds)
        self._response_bytes.labels(route).inc(size)
        if problem is not None:
            self._problems.labels(problem).inc()

    def cut_off(self, route: str) -> None:
        """The reader of an answer did not take it in time."""
        self._cut_off.labels(route).inc()

    def sending(self, size: int) -> None:
        """So many bytes of large bodies are being sent now."""
        self._sending_bytes.set(size)

    def admitted(self) -> None:
        self._admitted.inc()

    def shed(self) -> None:
        self._shed.inc()

    def query_queued(self) -> None:
        self._queries_waiting.inc()

    def query_left_queue(self) -> None:
        self._queries_waiting.dec()

    def query_began(self) -> None:
        self._queries_running.inc()

    def query_ended(self, seconds: float) -> None:
        self._queries_running.dec()
        self._query_seconds.observe(seconds)

    def lake_looked_at(self, listed_at: dt.datetime, newest_publish_time: dt.datetime | None, tail_rows: int) -> None:
        self._looked_at = listed_at
        self._tail_rows.set(tail_rows)
        self._freshness.set(_age_s(newest_publish_time, listed_at))

    def _forget_look(self) -> None:
        self._freshness.set(math.nan)
        self._tail_rows.set(math.nan)


@dataclass(frozen=True)
class LakeMetrics(Collector):
    """What the parts know anyway, read when a scraper asks: scraping lists and downloads nothing."""

    plan_cache: PlanCache
    cache: FileCache
    tail_cache: TailCache
    rollups: RollupCache
    results: Results
    executor: QueryExecutor
    now: Now

    def collect(self) -> Iterator[Metric]:
        yield _gauge("questions_in_progress", "Questions taken and not answered yet", self.executor.under_way)
        yield from _of_plan(self.plan_cache.latest, self.now())
        yield from self._of_caches()

    def _of_caches(self) -> Iterator[Metric]:
        files = self.cache.stats
        yield _gauge("file_cache_bytes", "Bytes of files on disk", files.bytes)
        yield _counter("file_cache_hits", "Files that were there already", files.hits)
        yield _counter("file_cache_downloads", "Files fetched", files.puts)
        yield _counter("file_cache_evictions", "Files given up for others", files.evictions)
        dates = self.tail_cache.stats
        yield _gauge("decided_cache_bytes", "Bytes of decided dates on disk", dates.bytes)
        yield _counter("decided_cache_found", "Decided dates that were there already", dates.hits)
        yield _counter("decided_cache_made", "Dates decided and kept", dates.puts)
        yield _counter("decided_cache_evictions", "Decided dates given up for others", dates.evictions)
        parts = self.rollups.stats
        yield _gauge("partial_cache_bytes", "Bytes of what whole months contribute to answers", parts.bytes)
        yield _counter("partial_cache_found", "Contributions that were there already", parts.hits)
        yield _counter("partial_cache_made", "Contributions computed and kept", parts.puts)
        yield _counter("partial_cache_evictions", "Contributions given up for others", parts.evictions)
        answers = self.results.stats
        yield _gauge("result_cache_bytes", "Bytes of kept answers", answers.bytes)
        asked = _counter("result_cache_requests", "Answers looked for among the kept ones", labels=["outcome"])
        asked.add_metric(["hit"], answers.hits)
        asked.add_metric(["miss"], answers.misses)
        yield asked
        yield _counter("result_cache_evictions", "Answers given up for others", answers.evictions)


def _of_plan(plan: Plan | None, now: dt.datetime) -> Iterator[Metric]:
    """NaN is what is not known: before the first plan, before the first commit."""
    created = None if plan is None else plan.snapshot_created
    landed = () if plan is None else plan.landing.files
    newest = max((file.info.created for file in landed), default=None)
    tail = () if plan is None else plan.tail
    yield _gauge("plan_age_seconds", "Age of the plan in use", _age_s(None if plan is None else plan.listed_at, now))
    yield _gauge("snapshot_number", "Its snapshot", math.nan if plan is None else plan.snapshot.number)
    yield _gauge("snapshot_age_seconds", "Age of that snapshot", _age_s(created, now))
    yield _gauge("tail_files", "Landed files not merged yet", math.nan if plan is None else len(tail))
    yield _gauge("tail_bytes", "Their bytes", math.nan if plan is None else sum(file.size for file in tail))
    landing_age_s = math.nan if plan is None else _age_s(newest, plan.listed_at)
    yield _gauge("landing_age_seconds", "Age of the newest landed file when landing was listed", landing_age_s)


def _age_s(moment: dt.datetime | None, now: dt.datetime) -> float:
    return math.nan if moment is None else (now - moment).total_seconds()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"flights_api_{name}", text, value=value)


def _counter(
    name: str, text: str, value: float | None = None, labels: Sequence[str] | None = None
) -> CounterMetricFamily:
    return CounterMetricFamily(f"flights_api_{name}", text, value=value, labels=labels)
