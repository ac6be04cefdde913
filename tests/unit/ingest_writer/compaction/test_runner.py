"""A run of compaction, publishing and collection, also when the outside tables cannot be published."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.compaction.runner import Compaction
from ingest_writer.publishing.background import BackgroundPublisher
from ingest_writer.publishing.publisher import Published, Publisher
from lakehouse import object_names
from lakehouse.errors import PublishError, StoreAccessDeniedError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Source, Store
from lakehouse.table.planner import Planner
from tests._support.lakes.compactors import START, Clock, compactor, latest, numbers
from tests._support.lakes.rows import land, row
from tests._support.lakes.stores import WrappedStore


class RefusingStore(WrappedStore):
    """Refuses what is of the outside tables, as a bucket does whose permissions leave them out, and says so."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.refused = threading.Event()

    def create(self, name: str, source: Source) -> None:
        if name.startswith(object_names.DERIVED):
            self.refused.set()
            raise StoreAccessDeniedError(f"{name}: refused")
        super().create(name, source)


def compaction(
    store: Store, tmp_path: Path, publish: Callable[[], Published] | None = None, **options: Any
) -> tuple[Compaction, CompactorMetrics]:
    maker = compactor(store, tmp_path / "scratch", **options)
    metrics = CompactorMetrics(CollectorRegistry())
    publisher = Publisher(store, Planner(store, lambda: START))
    collector = GarbageCollector(store, maker.planner, 0.0, 1)
    return Compaction(maker, collector, publish or publisher.publish, metrics), metrics


def test_a_run_publishes_what_it_committed(tmp_path: Path) -> None:
    store = MemoryStore()
    runs, metrics = compaction(store, tmp_path)
    runs.until_done()
    land(store, [row("2013-01-01")])
    assert runs.until_done().unpublished is None
    assert store.generation(object_names.delta_commit(1)) > 0
    assert store.read(object_names.ICEBERG_HINT) == b"1"
    assert b'flights_compactor_published_snapshot{table="delta"} 1.0' in metrics.page()
    assert b'flights_compactor_published_snapshot{table="iceberg"} 1.0' in metrics.page()


def test_a_run_that_does_not_publish_collects_and_is_no_failed_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = RefusingStore(MemoryStore())
    land(store, [row("2013-01-01")])
    runs, metrics = compaction(store, tmp_path)
    report = runs.until_done()
    runs.run()  # by now what was absorbed is old enough
    assert isinstance(report.unpublished, StoreAccessDeniedError)
    assert latest(store).number == 1
    assert not list(store.list(object_names.LANDING))
    assert b'flights_compactor_runs_total{outcome="failed"}' not in metrics.page()
    assert b"flights_compactor_publish_failures_total 2.0" in metrics.page()
    assert "flights/_delta_log/00000000000000000000.json: refused" in caplog.text


def test_snapshots_that_are_not_published_yet_are_kept_for_the_versions_to_come(tmp_path: Path) -> None:
    store = MemoryStore(Clock())
    is_away = False

    def publish() -> Published:
        if is_away:
            raise PublishError("not now")
        return publisher.publish()

    publisher = Publisher(store, Planner(store, lambda: START))
    runs, _ = compaction(store, tmp_path, publish, retention_s=0.0)
    runs.run()
    for number in range(1, 8):
        is_away = number > 2
        land(store, [row("2013-01-01", number=number)])
        runs.run()
    assert numbers(store) == [2, 3, 4, 5, 6, 7]
    is_away = False
    land(store, [row("2013-01-01", number=8)])
    runs.run()
    assert [n for n in range(9) if store.generation(object_names.delta_commit(n))] == list(range(9))
    assert numbers(store) == [7, 8]


def test_a_publication_that_hangs_does_not_hold_up_compaction(tmp_path: Path) -> None:
    store = MemoryStore()
    opened = threading.Event()

    def hang() -> Published:
        assert opened.wait(20)
        return Published(0, 0)

    land(store, [row("2013-01-01")])
    runs, _ = compaction(store, tmp_path, BackgroundPublisher(hang, 0.05).publish)
    report = runs.until_done()
    opened.set()
    assert isinstance(report.unpublished, PublishError)
    assert report.snapshot == 1


def test_two_flights_of_one_key_are_counted_and_the_first_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    morning = row("2013-01-01")
    land(
        store, [morning, row("2013-01-01", scheduled_departure=morning["scheduled_departure"] + dt.timedelta(hours=8))]
    )
    runs, metrics = compaction(store, tmp_path)
    assert runs.until_done().conflicts.count == 1
    assert b"flights_compactor_key_conflicts_total 1.0" in metrics.page()
    assert "1 keys have events whose scheduled departures are more than 3 h apart" in caplog.text
    assert "the first is 2013-01-01-UA-1545-EWR" in caplog.text


def test_a_repeating_compactor_goes_on_and_says_that_nothing_is_published(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = RefusingStore(MemoryStore())
    runs, _ = compaction(store, tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=runs.every, args=(3600.0, stop))
    thread.start()
    assert store.refused.wait(10)
    stop.set()
    thread.join(10)
    assert runs.status()["ready"]
    assert "Delta or Iceberg table not published, the next run tries again" in caplog.text
