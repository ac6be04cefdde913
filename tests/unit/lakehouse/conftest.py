"""Stores and clocks for the tests of the contract."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud import storage
from prometheus_client import CollectorRegistry

from lakehouse.store.gcs import GcsStore
from lakehouse.store.local import LocalStore
from lakehouse.store.memory import MemoryStore
from lakehouse.store.store import Store
from lakehouse.telemetry.instrumented_store import InstrumentedStore, StoreMetrics
from local_cloud.emulators.gcs import GcsServer

_buckets = itertools.count(1)


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        yield server


@pytest.fixture
def gcs(gcs_server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a new bucket that Google's client finds."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    bucket = f"lake-{next(_buckets)}"
    client = storage.Client()
    client.create_bucket(bucket)
    yield bucket
    client.close()


@pytest.fixture(params=["memory", "local", "gcs", "measured"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "local":
        return LocalStore(tmp_path / "lake")
    if request.param == "measured":
        return InstrumentedStore(MemoryStore(), StoreMetrics(CollectorRegistry()))
    return GcsStore(request.getfixturevalue("gcs"))


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def now() -> Callable[[], dt.datetime]:
    """A clock that ticks a second a look."""
    start = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)
    ticks = itertools.count()
    return lambda: start + dt.timedelta(seconds=next(ticks))
