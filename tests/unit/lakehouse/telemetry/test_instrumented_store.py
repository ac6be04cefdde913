"""A measured store does what the store does, and counts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from lakehouse.errors import CreateStateUnknownError, ObjectExistsError, ObjectMissingError, StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Source
from lakehouse.telemetry.instrumented_store import InstrumentedStore, StoreMetrics

NAME = "landing/flight_date=2013-01-01/00000000000000000000000000000000.parquet"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def requests(registry: CollectorRegistry, operation: str, area: str, outcome: str) -> float:
    labels = {"operation": operation, "area": area, "outcome": outcome}
    return registry.get_sample_value("flights_store_requests_total", labels) or 0.0


def test_calls_bytes_and_failures_are_counted(registry: CollectorRegistry, tmp_path: Path) -> None:
    store = InstrumentedStore(MemoryStore(), StoreMetrics(registry))
    source = tmp_path / "source"
    source.write_bytes(b"12345")
    store.create(NAME, b"123")
    store.create("flights/x", source)
    with pytest.raises(ObjectExistsError):
        store.create(NAME, b"123")
    assert store.read(NAME) == b"123"
    store.download(NAME, tmp_path / "copy")
    with pytest.raises(ObjectMissingError):
        store.read("snapshots/x")
    assert [info.name for info in store.list("")] == ["flights/x", NAME]
    assert store.replace(
        "iceberg/metadata/version-hint.text", b"1", store.generation("iceberg/metadata/version-hint.text")
    )
    store.delete(NAME)
    for operation, area, outcome, times in [
        *(("create", "landing", "ok", 1), ("create", "flights", "ok", 1), ("create", "landing", "exists", 1)),
        *(("read", "landing", "ok", 1), ("download", "landing", "ok", 1), ("read", "snapshots", "missing", 1)),
        *(("list", "other", "ok", 1), ("replace", "iceberg", "ok", 1), ("generation", "iceberg", "ok", 1)),
        ("delete", "landing", "ok", 1),
    ]:
        assert requests(registry, operation, area, outcome) == times, (operation, area, outcome)
    written = [
        registry.get_sample_value("flights_store_written_bytes_total", {"area": a}) for a in ("landing", "flights")
    ]
    assert written == [3, 5]
    assert registry.get_sample_value("flights_store_read_bytes_total", {"area": "landing"}) == 6
    assert registry.get_sample_value("flights_store_request_seconds_count", {"operation": "create"}) == 3


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CreateStateUnknownError("?"), "unknown"),
        (StoreUnavailableError("503"), "unavailable"),
        (OSError("full"), "error"),
    ],
)
def test_a_failure_is_passed_on_and_counted_by_its_kind(
    error: Exception, outcome: str, registry: CollectorRegistry
) -> None:
    class Failing(MemoryStore):
        def create(self, name: str, source: Source) -> None:
            raise error

    with pytest.raises(type(error)) as raised:
        InstrumentedStore(Failing(), StoreMetrics(registry)).create(NAME, b"1")
    assert raised.value is error
    assert requests(registry, "create", "landing", outcome) == 1
    assert not registry.get_sample_value("flights_store_written_bytes_total", {"area": "landing"})


def test_a_listing_that_is_left_early_is_a_call(registry: CollectorRegistry) -> None:
    store = InstrumentedStore(MemoryStore(), StoreMetrics(registry))
    store.create(NAME, b"1")
    listing = store.list("landing/")
    next(listing)
    del listing
    assert requests(registry, "list", "landing", "ok") == 1
