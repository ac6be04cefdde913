"""Crash tests: processes and servers die, freeze and are told to stop at random moments; the answers stay exact.

More than the few here: `make verify`, and as many as you like: `python -m tests.verification.crash`.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests._support.waiting import eventually
from tests.verification.crash.invariants import Invariants
from tests.verification.crash.publisher import Publisher
from tests.verification.crash.record import Journal, Objects
from tests.verification.crash.round import Round
from tests.verification.crash.services import TOPIC, Services

pytestmark = pytest.mark.early

PATIENCE_S = 90.0


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    value: int = request.config.getoption("--seed")
    print(f"seed {value}")
    return value


@pytest.mark.timeout(3600)
def test_kills_and_freezes_of_everything_lose_nothing_and_count_nothing_twice(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int
) -> None:
    kills: int = request.config.getoption("--kills")
    made = Round(tmp_path / "round", f"{seed}/0", kills)
    try:
        assert made.run().total() == kills
    finally:
        print("\n".join(made.history))


@pytest.mark.timeout(300)
def test_a_writer_stopped_with_a_full_buffer_acks_only_what_is_durable(tmp_path: Path, seed: int) -> None:
    with Services(tmp_path / "round", str(seed), ("pubsub", "gcs", "holder"), faults=()) as services:
        publisher = Publisher(services.pubsub_address, TOPIC, random.Random(seed))
        publisher.start()
        objects = Objects(services.bucket, tmp_path / "objects.ndjson")
        with httpx.Client() as client:
            journal = Journal(services.journal)
            invariants = Invariants(publisher, journal, objects, client)
            until(lambda: held_rows(client, services) > 500, "the buffer is full")
            services.signal("gcs", signal.SIGSTOP)
            assert stop_holder(services) < 8.0
            publisher.stop()
            journal.read()
            assert journal.acked == set(), "acked, though storage took nothing"
            services.signal("gcs", signal.SIGCONT)
            services.start("holder")
            until(
                lambda: invariants.unacked() > 0 and is_all_held(client, services, journal), "everything has come back"
            )
            assert stop_holder(services) < 8.0
            assert invariants.unacked() == 0
            objects.look()
            invariants.check_objects()
        objects.close()


def held_rows(client: httpx.Client, services: Services) -> int:
    """Rows that the holder has and has not landed: about five in a message."""
    status = ready(client, services)
    return 5 * (status.get("messages", 0) - status.get("acked", 0))


def is_all_held(client: httpx.Client, services: Services, journal: Journal) -> bool:
    return bool(ready(client, services).get("messages", 0) >= len(journal.published))


def ready(client: httpx.Client, services: Services) -> dict[str, int]:
    try:
        status: dict[str, int] = client.get(services.url("holder", "/ready")).json()
    except httpx.HTTPError:
        return {}  # it does not listen yet
    return status


def stop_holder(services: Services) -> float:
    """SIGTERM; it exits with 0. Returns how many seconds that took."""
    began = time.monotonic()
    services.signal("holder", signal.SIGTERM)
    until(lambda: services.has_ended("holder"), "the holder has ended")
    seconds = time.monotonic() - began
    assert services.reap("holder") == 0, services.log("holder")
    return seconds


def until(condition: Callable[[], bool], what: str) -> None:
    eventually(condition, what, PATIENCE_S)
