"""The metrics of an API at one moment, as a scraper reads them."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests._support.api.in_process import Api


class Page:
    """The metrics at one moment, as a scraper reads them."""

    def __init__(self, text: str) -> None:
        families: list[Any] = list(text_string_to_metric_families(text))
        self.samples = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def get(self, name: str, **labels: str) -> float:
        """The value of `flights_api_...`; 0 when there is no such series yet."""
        return float(self.samples.get((f"flights_api_{name}", frozenset(labels.items())), 0.0))

    def cache(self, cache: str, name: str) -> float:
        """The value of `flights_api_cache_...` of one cache, which must be there."""
        return float(self.samples[f"flights_api_cache_{name}", frozenset({("cache", cache)})])

    def store(self, name: str, **labels: str) -> float:
        return float(self.samples.get((f"flights_store_{name}", frozenset(labels.items())), 0.0))


def page(api: Api) -> Page:
    answer = api.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return Page(answer.text)
