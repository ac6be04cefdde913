"""docs/metrics.md and the code name the same metrics, of the same types."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from ingest_writer.compaction.metrics import CompactorMetrics
from ingest_writer.subscriber.counts import Counts
from ingest_writer.subscriber.metrics import WriterMetrics
from lakehouse.store.memory import MemoryStore
from query_service.lifespan import opened
from query_service.middleware.send_timeout import SendBudget
from query_service.settings import Settings
from query_service.telemetry.metrics import Metrics
from tests._support.metrics_docs import documented_metrics

UNITS = ("seconds", "bytes")  # those that a name has to end with, by Prometheus' conventions


def documented(section: str) -> dict[str, str]:
    return {row.name: row.type for row in documented_metrics() if row.section in ("Every process", section)}


class _Writer:
    subscription_error = batch_error = ""

    def storage_state(self, now_s: float) -> str:
        return ""


def page_of(section: str) -> bytes:
    registry = CollectorRegistry()
    if section == "Compactor":
        return CompactorMetrics(registry).page()
    if section == "Writer":
        writer = WriterMetrics(registry)
        writer.watch(_Writer(), Counts())
        return writer.page()
    metrics, now = Metrics(registry), dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    settings = Settings(LAKE_URL="memory://")  # type: ignore[call-arg]
    with opened(MemoryStore(), settings, lambda: now, metrics, SendBudget(1, metrics.sending)):
        return metrics.page(now)


def in_code(page: bytes) -> dict[str, str]:
    families: list[Any] = list(text_string_to_metric_families(page.decode()))
    return {f"{f.name}_total" if f.type == "counter" else f.name: f.type for f in families}


@pytest.mark.parametrize("section", ["API", "Writer", "Compactor"])
def test_every_metric_has_its_row_and_every_row_its_metric(section: str) -> None:
    assert in_code(page_of(section)) == documented(section)


def test_names_follow_the_conventions() -> None:
    for row in documented_metrics():
        assert re.fullmatch(r"(flights_(store|api|writer|compactor)|process)_[a-z_]+", row.name), row.name
        assert row.name.endswith("_total") is (row.type == "counter"), row.name
        if row.unit in UNITS:
            assert row.name.removesuffix("_total").endswith(row.unit), row.name
        assert row.meaning.endswith("."), row.name


def test_names_are_unique_and_in_one_section_only() -> None:
    names = [row.name for row in documented_metrics()]
    assert len(names) == len(set(names))
