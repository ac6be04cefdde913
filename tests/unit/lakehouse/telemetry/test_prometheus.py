"""The page for a scraper: all metrics, without the times at which series began."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from lakehouse.telemetry.prometheus import exposition


def test_metrics_are_there_and_the_times_of_their_creation_are_not() -> None:
    registry = CollectorRegistry()
    Counter("rows", "Rows.", ["area"], registry=registry).labels("landing").inc(3)
    Histogram("wait_seconds", "Wait.", buckets=(1.0,), registry=registry).observe(0.5)
    page = exposition(registry).decode()
    assert page.splitlines() == [
        "# HELP rows_total Rows.",
        "# TYPE rows_total counter",
        'rows_total{area="landing"} 3.0',
        "# HELP wait_seconds Wait.",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{le="1.0"} 1.0',
        'wait_seconds_bucket{le="+Inf"} 1.0',
        "wait_seconds_count 1.0",
        "wait_seconds_sum 0.5",
    ]


def test_a_registry_without_metrics_is_an_empty_page() -> None:
    assert exposition(CollectorRegistry()) == b""
