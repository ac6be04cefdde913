"""A real Cloud Storage emulator, and a lake behind a proxy with faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.emulators.gcs import GcsServer
from tests.verification.fault_injection.lakes import LyingLake, lying_lake


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    with GcsServer() as server:
        yield server


@pytest.fixture
def lake(gcs_server: GcsServer) -> Iterator[LyingLake]:
    with lying_lake(gcs_server) as made:
        yield made
