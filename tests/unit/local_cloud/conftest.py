"""Servers of the local cloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.emulators.pubsub import Faults
from tests._support.servers.pubsub import FaultyPubsub, PubsubBench, pubsub_bench


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PubsubBench]:
    with pubsub_bench(monkeypatch, Faults()) as bench:
        yield bench


@pytest.fixture
def faulty_pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyPubsub]:
    """`faulty_pubsub(duplicate=1.0)` is a bench whose server has that fault."""
    with monkeypatch.context() as patch:
        benches = []

        def start(**faults: float) -> PubsubBench:
            manager = pubsub_bench(patch, Faults(**faults))  # type: ignore[arg-type]
            benches.append(manager)
            return manager.__enter__()

        yield start
        for manager in benches:
            manager.__exit__(None, None, None)
