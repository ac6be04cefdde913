"""The API's Prometheus metrics. docs/metrics.md explains each; a test compares the two.

Label values are bounded by the code or the configuration: never a path, a flight or a carrier of a
request.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.registry import Collector

from lakehouse.telemetry.instrumented_store import StoreMetrics
from lakehouse.telemetry.prometheus import exposition
from query_service.observer import Observer

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From an answer that is kept to the longest wait."""

_KNOWN_FOR_S: Final = 60.0
"""A look at the whole lake says nothing about freshness after a few scrapes."""


class Metrics(Observer):
    """Counts what the parts report, and renders the page for a scraper."""

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
        self._disk_failed = Counter(
            "flights_api_local_disk_errors", "Questions that this machine's disk failed", registry=registry
        )
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

    def disk_failed(self) -> None:
        self._disk_failed.inc()

    def query_queued(self) -> None:
        self._queries_waiting.inc()

    def query_left_queue(self) -> None:
        self._queries_waiting.dec()

    def query_began(self) -> None:
        self._queries_running.inc()

    def query_ended(self, seconds: float) -> None:
        self._queries_running.dec()
        self._query_seconds.observe(seconds)

    def lake_refreshed(self, listed_at: dt.datetime, newest_publish_time: dt.datetime | None, tail_rows: int) -> None:
        self._looked_at = listed_at
        self._tail_rows.set(tail_rows)
        self._freshness.set(age_s(newest_publish_time, listed_at))

    def _forget_look(self) -> None:
        self._freshness.set(math.nan)
        self._tail_rows.set(math.nan)


def age_s(moment: dt.datetime | None, now: dt.datetime) -> float:
    """How long before `now`; NaN for a moment that is not known."""
    return math.nan if moment is None else (now - moment).total_seconds()
