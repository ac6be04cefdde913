"""What the routes need, built from a store and settings, and taken apart in the reverse order."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import ConfigError
from lakehouse.store.store import Store
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Now, Planner
from lakehouse.telemetry.instrumented_store import MeasuredStore
from query_service.engine.database import Database
from query_service.engine.executor import Answering
from query_service.engine.plan_cache import Follower
from query_service.engine.tail_cache import DecidedDates
from query_service.engine.time_travel import History
from query_service.middleware.send_timeout import OnTheWay
from query_service.queries.conditional_get import Tables
from query_service.queries.lake_status import LakeReport
from query_service.queries.long_poll import Waiting
from query_service.queries.rejections import Rejections
from query_service.queries.result_cache import Results
from query_service.queries.rollup_cache import Partials
from query_service.queries.stats import Sums
from query_service.representation.etag import Tags, code_version
from query_service.settings import Settings
from query_service.telemetry.metrics import LakeMetrics, Metrics

MB = 1_000_000


@dataclass(frozen=True)
class Services:
    """The parts that routes ask."""

    follower: Follower
    answering: Answering
    tables: Tables
    sums: Sums
    waiting: Waiting
    lake: LakeReport
    filter_max_values: int


@contextmanager
def opened(store: Store, settings: Settings, now: Now, metrics: Metrics, on_the_way: OnTheWay) -> Iterator[Services]:
    """Services that live until the block ends; call it inside an event loop. Raises ConfigError."""
    store = MeasuredStore(store, metrics.store)
    with ExitStack() as stack:
        folder = stack.enter_context(workspace(settings.cache_dir))
        cache = FileCache(store, folder / "files", settings.cache_mb * MB)
        stack.callback(cache.close)
        database = Database(folder / "spill", settings.duckdb_memory_mb, settings.queries_at_once, metrics)
        stack.callback(database.close)
        follower = Follower(
            Planner(store, now),
            now,
            settings.plan_max_age_s,
            settings.plan_timeout_s,
            settings.query_timeout_s,
        )
        stack.callback(follower.close)
        decided = DecidedDates(folder / "decided", settings.decided_cache_mb * MB, settings.decided_from_kb * 1000)
        answering = Answering(
            follower,
            cache,
            decided,
            database,
            now=now,
            cache_bytes=settings.cache_mb * MB,
            at_once=settings.queries_at_once + settings.queue_limit,
            timeout_s=settings.query_timeout_s,
            observer=metrics,
        )
        stack.callback(answering.close)
        partials = Partials(settings.partial_cache_mb * MB)
        stack.callback(metrics.watch(LakeMetrics(follower, cache, decided, partials, answering, now)))
        history = History(store, Planner(store, now), answering)
        tags = Tags(code_version())
        results = Results(settings.result_cache_mb * MB, metrics.result_cache_asked)
        yield Services(
            follower,
            answering,
            Tables(answering, history, tags, results, database, on_the_way),
            Sums(partials, settings.queries_at_once, settings.partial_rows),
            Waiting(answering, history, tags, now, settings.plan_max_age_s, settings.waits_at_once),
            LakeReport(answering, Rejections(store, now, settings.plan_max_age_s), metrics),
            settings.filter_max_values,
        )


@contextmanager
def workspace(folder: Path | None) -> Iterator[Path]:
    """A folder for this process alone: `folder`, locked, or a temporary one. Raises ConfigError."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="flights-api-") as temporary:
            yield Path(temporary)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    except OSError as error:
        raise ConfigError(f"API_CACHE_DIR is {str(folder)!r}; it cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"API_CACHE_DIR is {str(folder)!r}; another process uses it") from error
        yield folder
