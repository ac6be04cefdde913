"""What the numbers of a compactor say after runs that committed, had nothing to do, or failed."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from ingest_writer.compaction.garbage_collector import Collected
from ingest_writer.compaction.merge_sql import KeyConflicts
from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.compaction.model import Report
from ingest_writer.publishing.publisher import Published
from lakehouse.errors import ForeignSnapshotError, ResourcesExhaustedError, StoreAccessDeniedError

_NOTHING = Collected(0, 0, 0)


class Compactions:
    """Metrics with a clock that stands still, and a look at one number."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = CompactorMetrics(self.registry, wall_clock=lambda: 1_700_000_000.0)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"flights_compactor_{name}", labels)


@pytest.fixture
def compactions() -> Compactions:
    return Compactions()


def test_a_run_that_committed_adds_up_what_it_did(compactions: Compactions) -> None:
    report = Report(snapshot=7, months=["2013-01", "2013-02"], absorbed_files=3, rows=10, rebases=1, pending_files=4)
    report.conflicts = KeyConflicts(2, None)
    for _ in range(2):
        compactions.metrics.ran(report, Collected(1, 2, 3), 0.5)
    assert compactions.value("runs_total", outcome="committed") == 2
    assert compactions.value("last_success_timestamp_seconds") == 1_700_000_000.0
    assert compactions.value("run_seconds_sum") == 1.0
    totals = ("merged_files_total", "merged_months_total", "merged_rows_total", "rebases_total")
    assert [compactions.value(name) for name in totals] == [6, 4, 20, 2]
    assert compactions.value("key_conflicts_total") == 4
    kinds = ("snapshot", "landed", "month")
    assert [compactions.value("collected_objects_total", kind=kind) for kind in kinds] == [2, 4, 6]
    assert (compactions.value("snapshot_number"), compactions.value("pending_files")) == (7, 4)


def test_a_run_without_a_month_is_idle_and_yet_a_success(compactions: Compactions) -> None:
    compactions.metrics.ran(Report(snapshot=7), _NOTHING, 0.1)
    assert compactions.value("runs_total", outcome="idle") == 1
    assert compactions.value("last_success_timestamp_seconds") == 1_700_000_000.0


def test_a_run_that_could_not_publish_is_counted_and_is_a_success(compactions: Compactions) -> None:
    report = Report(snapshot=7, months=["2013-01"], rows=10, unpublished=StoreAccessDeniedError("no"))
    compactions.metrics.ran(report, _NOTHING, 0.1)
    assert compactions.value("runs_total", outcome="committed") == 1
    assert compactions.value("publish_failures_total") == 1
    assert compactions.value("published_snapshot", table="delta") is None
    compactions.metrics.published(Published(delta=7, iceberg=6))
    assert compactions.value("published_snapshot", table="delta") == 7
    assert compactions.value("published_snapshot", table="iceberg") == 6


def test_what_is_wrong_is_that_of_the_last_run(compactions: Compactions) -> None:
    wrong = Report(unreadable={"a": "?", "b": "?"}, failed={"2013-01": ResourcesExhaustedError("disk")})
    compactions.metrics.ran(wrong, _NOTHING, 0.1)
    assert (compactions.value("unreadable_files"), compactions.value("failed_months")) == (2, 1)
    compactions.metrics.ran(Report(), _NOTHING, 0.1)
    assert (compactions.value("unreadable_files"), compactions.value("failed_months")) == (0, 0)


def test_a_foreign_snapshot_is_seen_until_a_run_ends_otherwise(compactions: Compactions) -> None:
    assert compactions.value("foreign_snapshot") == 0
    compactions.metrics.failed(ForeignSnapshotError("snapshots/7.json", "it follows nothing"))
    assert (compactions.value("foreign_snapshot"), compactions.value("runs_total", outcome="failed")) == (1, 1)
    compactions.metrics.ran(Report(), _NOTHING, 0.1)
    assert compactions.value("foreign_snapshot") == 0
    compactions.metrics.failed(ForeignSnapshotError("snapshots/7.json", "it follows nothing"))
    compactions.metrics.failed(StoreAccessDeniedError("no"))
    assert compactions.value("foreign_snapshot") == 0


def test_an_error_is_a_failed_run_and_no_success(compactions: Compactions) -> None:
    compactions.metrics.failed()
    assert compactions.value("runs_total", outcome="failed") == 1
    assert compactions.value("last_success_timestamp_seconds") == 0
    assert b'flights_compactor_runs_total{outcome="failed"} 1.0' in compactions.metrics.page()
