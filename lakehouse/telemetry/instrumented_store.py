"""A store that counts the calls of another one in Prometheus metrics. Only services import it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from lakehouse import object_names
from lakehouse.errors import (
    CreateStateUnknownError,
    ObjectExistsError,
    ObjectMissingError,
    StoreAccessDeniedError,
    StoreUnavailableError,
    UnreadableError,
)
from lakehouse.store.store import ObjectInfo, Source, Store

_AREAS: Final = (
    *object_names.DERIVED,  # before the folder that one of them is in
    object_names.LANDING,
    object_names.FLIGHTS,
    object_names.HIDDEN,
    object_names.SNAPSHOTS,
    object_names.REJECTED,
)
_OUTCOMES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ObjectExistsError, "exists"),
    (ObjectMissingError, "missing"),
    (CreateStateUnknownError, "unknown"),
    (StoreUnavailableError, "unavailable"),
    (StoreAccessDeniedError, "refused"),
    (UnreadableError, "unreadable"),
)
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class StoreMetrics:
    """The metrics of one process's store. `area` is a folder of the lake, never an object name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "flights_store_requests",
            "Requests to the store",
            ("operation", "area", "outcome"),
            registry=registry,
        )
        self.seconds = Histogram(
            "flights_store_request_seconds",
            "How long a request to the store took, its retries included",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.written = Counter("flights_store_written_bytes", "Bytes of stored objects", ("area",), registry=registry)
        self.read = Counter("flights_store_read_bytes", "Bytes of objects read", ("area",), registry=registry)


class InstrumentedStore:
    """Passes every call on and counts it."""

    def __init__(self, inner: Store, metrics: StoreMetrics) -> None:
        self._inner = inner
        self._metrics = metrics

    @property
    def url(self) -> str:
        return self._inner.url

    def list(self, prefix: str, start: str = "") -> Iterator[ObjectInfo]:
        with self._measured("list", prefix):
            yield from self._inner.list(prefix, start)

    def create(self, name: str, source: Source) -> None:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with self._measured("create", name):
            self._inner.create(name, source)
        self._metrics.written.labels(_area(name)).inc(size)

    def read(self, name: str) -> bytes:
        with self._measured("read", name):
            data = self._inner.read(name)
        self._metrics.read.labels(_area(name)).inc(len(data))
        return data

    def download(self, name: str, path: Path) -> None:
        with self._measured("download", name):
            self._inner.download(name, path)
        self._metrics.read.labels(_area(name)).inc(path.stat().st_size)

    def delete(self, name: str) -> None:
        with self._measured("delete", name):
            self._inner.delete(name)

    def generation(self, name: str) -> int:
        with self._measured("generation", name):
            return self._inner.generation(name)

    def replace(self, name: str, data: bytes, generation: int) -> bool:
        with self._measured("replace", name):
            return self._inner.replace(name, data, generation)

    @contextmanager
    def _measured(self, operation: str, name: str) -> Iterator[None]:
        began = time.perf_counter()
        outcome = "ok"
        try:
            yield
        except GeneratorExit:
            raise  # a listing that its reader needed no more of
        except BaseException as error:
            outcome = next((text for kind, text in _OUTCOMES if isinstance(error, kind)), "error")
            raise
        finally:
            self._metrics.requests.labels(operation, _area(name), outcome).inc()
            self._metrics.seconds.labels(operation).observe(time.perf_counter() - began)


def _area(name: str) -> str:
    """The folder of the lake; `other` for the rest."""
    return next((area.rstrip("/") for area in _AREAS if name.startswith(area)), "other")
