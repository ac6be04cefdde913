"""Renders the page that a Prometheus scraper reads. Only services import it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


def exposition(registry: CollectorRegistry) -> bytes:
    """All metrics of `registry` in the text format."""
    return generate_latest(_WithoutCreated(registry))


@dataclass(frozen=True)
class _WithoutCreated(Collector):
    """Leaves out `_created` series: they double the page, and no such scraper reads them."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
