"""Gauges of the plan and the caches, read when a scraper asks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Now, Plan
from query_service.engine.executor import QueryExecutor
from query_service.engine.long_tail import LongTail
from query_service.engine.plan_cache import PlanCache
from query_service.engine.tail_cache import TailCache
from query_service.queries.conditional_get import ResultCache
from query_service.queries.rollup_cache import RollupCache
from query_service.telemetry.metrics import age_s


@dataclass(frozen=True)
class LakeMetrics(Collector):
    """Reads what the parts know already: a scrape lists and downloads nothing."""

    plan_cache: PlanCache
    cache: FileCache
    tail_cache: TailCache
    long_tail: LongTail
    rollups: RollupCache
    results: ResultCache
    executor: QueryExecutor
    now: Now

    def collect(self) -> Iterator[Metric]:
        yield _gauge("questions_in_progress", "Questions taken and not answered yet", self.executor.under_way)
        yield from _of_plan(self.plan_cache.latest, self.now())
        yield from self._of_caches()

    def _of_caches(self) -> Iterator[Metric]:
        caches = {
            "file": self.cache.stats,
            "tail": self.tail_cache.stats,
            "long_tail": self.long_tail.stats,
            "rollup": self.rollups.stats,
            "result": self.results.stats,
        }
        taken = {name: stats.bytes for name, stats in caches.items()}
        hits = {name: stats.hits for name, stats in caches.items()}
        misses = {name: stats.misses for name, stats in caches.items()}
        evictions = {name: stats.evictions for name, stats in caches.items()}
        yield _by_cache(GaugeMetricFamily, "bytes", "Bytes that a cache takes", taken)
        yield _by_cache(CounterMetricFamily, "hits", "Lookups that found something", hits)
        yield _by_cache(CounterMetricFamily, "misses", "Lookups that found nothing", misses)
        yield _by_cache(CounterMetricFamily, "evictions", "What was given up for others", evictions)
        yield _gauge("local_disk_trouble", "Whether files cannot be written here", self.cache.is_disk_failing)


def _of_plan(plan: Plan | None, now: dt.datetime) -> Iterator[Metric]:
    """NaN is for unknown values: before the first plan, before the first commit."""
    created = None if plan is None else plan.snapshot_created
    landed = () if plan is None else plan.landing.files
    newest = max((file.info.created for file in landed), default=None)
    tail = () if plan is None else plan.tail
    yield _gauge("plan_age_seconds", "Age of the plan in use", age_s(None if plan is None else plan.listed_at, now))
    yield _gauge("snapshot_number", "Its snapshot", math.nan if plan is None else plan.snapshot.number)
    yield _gauge("snapshot_age_seconds", "Age of that snapshot", age_s(created, now))
    yield _gauge("tail_files", "Landed files not merged yet", math.nan if plan is None else len(tail))
    yield _gauge("tail_bytes", "Their bytes", math.nan if plan is None else sum(file.size for file in tail))
    landing_age_s = math.nan if plan is None else age_s(newest, plan.listed_at)
    yield _gauge("landing_age_seconds", "Age of the newest landed file when landing was listed", landing_age_s)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"flights_api_{name}", text, value=value)


def _by_cache(
    family: type[GaugeMetricFamily] | type[CounterMetricFamily], what: str, text: str, values: Mapping[str, int]
) -> Metric:
    found = family(f"flights_api_cache_{what}", text, labels=["cache"])
    for cache, value in values.items():
        found.add_metric([cache], value)
    return found
