"""Gauges of the plan and the caches, read when a scraper asks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Now, Plan
from query_service.engine.executor import QueryExecutor
from query_service.engine.plan_cache import PlanCache
from query_service.engine.tail_cache import TailCache
from query_service.queries.conditional_get import ResultCache
from query_service.queries.rollup_cache import RollupCache


@dataclass(frozen=True)
class LakeMetrics(Collector):
    """Reads what the parts know already: a scrape lists and downloads nothing."""

    plan_cache: PlanCache
    cache: FileCache
    tail_cache: TailCache
    rollups: RollupCache
    results: ResultCache
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
        yield _gauge("local_disk_trouble", "Whether files cannot be written here", self.cache.is_disk_failing)
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
    """NaN is for unknown values: before the first plan, before the first commit."""
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
