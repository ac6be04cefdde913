"""A run of compaction and collection when what is derived for readers outside cannot be published."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.compaction.duckdb_catalog import build
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.compaction.runner import Compaction
from lakehouse import object_names
from lakehouse.errors import ResourcesExhaustedError, StoreAccessDeniedError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Source, Store
from tests._support.compactors import compactor, latest
from tests._support.lakes import land, row
from tests._support.stores import WrappedStore


class RefusingStore(WrappedStore):
    """Refuses to replace, as a bucket does whose permissions allow to create only, and says so."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.refused = threading.Event()

    def replace(self, name: str, source: Source, generation: int) -> bool:
        self.refused.set()
        raise StoreAccessDeniedError(f"{name}: refused")


def compaction(store: Store, tmp_path: Path) -> tuple[Compaction, CompactorMetrics]:
    maker = compactor(store, tmp_path / "scratch")
    metrics = CompactorMetrics(CollectorRegistry())
    return Compaction(
        store, maker, GarbageCollector(store, maker.planner, 0.0, 1), tmp_path / "scratch", metrics
    ), metrics


def test_a_run_collects_also_when_nothing_can_be_published(tmp_path: Path) -> None:
    store = RefusingStore(MemoryStore())
    land(store, [row("2013-01-01")])
    runs, metrics = compaction(store, tmp_path)
    report = runs.until_done()
    runs.run()  # by now what was absorbed is old enough
    assert isinstance(report.unpublished, StoreAccessDeniedError)
    assert latest(store).number == 1
    assert not list(store.list(object_names.LANDING))
    assert b'flights_compactor_runs_total{outcome="failed"} 2.0' in metrics.page()
    assert b"flights_compactor_last_success_timestamp_seconds 0.0" in metrics.page()


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
    assert not runs.status()["ready"]
    assert "not published" in runs.status()["compaction"]
    assert "flights.manifest: refused" in caplog.text


def test_a_database_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ResourcesExhaustedError, match=r"lake\.duckdb"):
        build(tmp_path / "no such folder" / "lake.duckdb", "gs://bucket", latest(MemoryStore()))
