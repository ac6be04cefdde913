"""Builds the services that routes need from a store and settings; closes them in reverse order."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from lakehouse.errors import ConfigError, LocalDiskError
from lakehouse.local_disk import check_writable, named_by, temporary_folder
from lakehouse.store.store import Store
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Now, Planner
from lakehouse.telemetry.instrumented_store import InstrumentedStore
from query_service.engine.database import Database
from query_service.engine.disk_check import DiskCheck
from query_service.engine.executor import QueryExecutor
from query_service.engine.long_tail import LongTail
from query_service.engine.plan_cache import PlanCache
from query_service.engine.tail_cache import TailCache
from query_service.engine.time_travel import TimeTravel
from query_service.middleware.send_timeout import SendBudget
from query_service.queries.conditional_get import ConditionalGet, ResultCache
from query_service.queries.inventory import InventorySampler
from query_service.queries.lake_status import LakeStatusService
from query_service.queries.long_poll import LongPoll, LongPollLimits, LongPollSlots
from query_service.queries.partial_reads import PartialReads
from query_service.queries.rollup_cache import RollupCache
from query_service.queries.stats import RollupStats
from query_service.representation.etag import ETagFactory, build_fingerprint
from query_service.settings import Settings
from query_service.telemetry.lake_gauges import LakeMetrics
from query_service.telemetry.metrics import Metrics

MB = 1_000_000
_SETTING: Final = "API_CACHE_DIR"


@dataclass(frozen=True)
class Services:
    """The services that routes use."""

    plan_cache: PlanCache
    executor: QueryExecutor
    conditional_get: ConditionalGet
    stats: RollupStats
    long_poll: LongPoll
    lake: LakeStatusService
    filter_max_values: int
    disk: DiskCheck


class _QueryLimits(TypedDict):
    cache_bytes: int
    at_once: int
    timeout_s: float


@contextmanager
def opened(
    store: Store, settings: Settings, now: Now, metrics: Metrics, send_budget: SendBudget, has_keys: bool = False
) -> Iterator[Services]:
    """Services until the block ends; call it in an event loop. `has_keys`: callers have keys. Raises ConfigError."""
    store = InstrumentedStore(store, metrics.store)
    with ExitStack() as stack:
        folder = stack.enter_context(workspace(settings.cache_dir))
        cache = FileCache(store, folder / "files", settings.file_cache_mb * MB)
        stack.callback(cache.close)
        database = Database(folder, settings.duckdb_memory_mb, settings.max_concurrent_queries, metrics)
        stack.callback(database.close)
        plan_cache = _plan_cache(store, settings, now)
        stack.callback(plan_cache.close)
        tail_cache = TailCache(folder / "merged_tail", settings.tail_cache_mb * MB, settings.tail_cache_min_kb * 1000)
        long_tail = LongTail(settings.long_tail_mb * MB, settings.long_tail_min_files)
        limits = _query_limits(settings)
        executor = QueryExecutor(
            plan_cache, cache, tail_cache, long_tail, database, now=now, observer=metrics, **limits
        )
        rollups = RollupCache(settings.rollup_cache_mb * MB)
        results = ResultCache(settings.result_cache_mb * MB)
        lake_metrics = LakeMetrics(plan_cache, cache, tail_cache, long_tail, rollups, results, executor, now)
        stack.callback(metrics.watch(lake_metrics))
        history = TimeTravel(store, Planner(store, now))
        stack.callback(history.close)
        lake = _lake_status(store, settings, now, executor, metrics)
        stack.callback(lake.close)
        tags = ETagFactory(build_fingerprint())
        reads = PartialReads(settings.max_connections, settings.partial_read_s)
        slots = LongPollSlots(_long_poll_limits(settings, has_keys))
        yield Services(
            plan_cache,
            executor,
            ConditionalGet(executor, history, tags, results, database, send_budget.check_room, reads),
            RollupStats(rollups, settings.max_concurrent_queries, settings.rollup_min_rows),
            LongPoll(executor, history, tags, now, settings.plan_max_age_s, slots, reads),
            lake,
            settings.filter_max_values,
            DiskCheck(cache.check_disk, settings.disk_check_s),
        )


def _plan_cache(store: Store, settings: Settings, now: Now) -> PlanCache:
    planner = Planner(store, now)
    return PlanCache(planner, now, settings.plan_max_age_s, settings.plan_timeout_s, settings.query_timeout_s)


def _lake_status(
    store: Store, settings: Settings, now: Now, executor: QueryExecutor, metrics: Metrics
) -> LakeStatusService:
    inventory = InventorySampler(store, now, settings.inventory_max_age_s)
    ages = (settings.plan_max_age_s, settings.lake_max_age_s)
    return LakeStatusService(executor, inventory, metrics, now, plan_max_age_s=ages[0], max_age_s=ages[1])


def _query_limits(settings: Settings) -> _QueryLimits:
    return {
        "cache_bytes": settings.file_cache_mb * MB,
        "at_once": settings.max_concurrent_queries + settings.queue_limit,
        "timeout_s": settings.query_timeout_s,
    }


def _long_poll_limits(settings: Settings, has_keys: bool) -> LongPollLimits:
    return LongPollLimits(
        settings.max_long_polls,
        settings.max_long_polls_per_caller,
        settings.canary_long_polls,
        settings.canary_key if has_keys else None,
    )


@contextmanager
def workspace(folder: Path | None) -> Iterator[Path]:
    """A folder for this process alone: `folder`, locked, or a temporary one. Raises ConfigError."""
    if folder is None:
        with _temporary() as temporary:
            yield temporary
        return
    try:
        check_writable(folder)
        lock = (folder / "lock").open("ab")
    except (LocalDiskError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"API_CACHE_DIR is {str(folder)!r}; it cannot be used: {why}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"API_CACHE_DIR is {str(folder)!r}; another process uses it") from error
        with named_by(_SETTING, folder):
            yield folder


@contextmanager
def _temporary() -> Iterator[Path]:
    """Raises ConfigError when there is none that can be written."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder("flights-api-"))
            check_writable(folder)
        except LocalDiskError as error:
            raise ConfigError(f"API_CACHE_DIR is not set, and no temporary folder can be used: {error}") from error
        with named_by(_SETTING, folder):
            yield folder
