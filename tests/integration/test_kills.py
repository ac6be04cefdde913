"""Real kills: writers and compactors end by SIGKILL at random moments, servers freeze; the answers stay exact."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from google.cloud import pubsub_v1

from tests.integration.conftest import System, ask_oracle, check_answers, publish_flights, system

FAULTS = ("--redeliver=0.05", "--duplicate=0.05", "--reorder=0.2")
SUBSCRIPTION = "projects/local/subscriptions/short-leases"
EVENTS_PER_S = 5_000.0  # so that publishing goes on while they are killed
ACK_DEADLINE_S = 10  # the shortest there is: what a killed writer held comes back soon
WRITER = {"WRITER_ACK_DEADLINE_S": str(ACK_DEADLINE_S)}


@pytest.mark.timeout(3600)
def test_kills_of_writers_and_compactors_lose_nothing_and_count_nothing_twice(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flights: pl.DataFrame, seed: int
) -> None:
    rng = random.Random(seed)
    kills: int = request.config.getoption("--kills")
    with system(tmp_path, [*FAULTS, f"--seed={seed}"]) as running:
        _subscribe(running, monkeypatch)
        for number in (1, 2):
            running.start_writer(f"writer-{number}", WRITER)
            running.start_compactor(f"compactor-{number}", every_s=0.2)
        with _publishing(monkeypatch, running, flights.height):
            for _ in range(kills):
                time.sleep(rng.uniform(0.1, 1.5))  # the moment is what is random here
                _kill_and_restart(running, rng.choice(("writer", "compactor")), rng.choice((1, 2)))
        running.wait_until_settled(flights.height)
        _check(running, flights, seed)


@pytest.mark.timeout(600)
def test_servers_that_freeze_and_come_back_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flights: pl.DataFrame, seed: int
) -> None:
    with system(tmp_path, [*FAULTS, f"--seed={seed}"]) as running:
        _subscribe(running, monkeypatch)
        running.start_writer("writer-1", WRITER)
        running.start_compactor("compactor-1", every_s=0.2)
        with _publishing(monkeypatch, running, flights.height):
            for pid in _servers(running):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(2.0)  # how long it is frozen: longer than a batch's age, shorter than the clients' patience
                os.kill(pid, signal.SIGCONT)
        running.wait_until_settled(flights.height)
        _check(running, flights, seed)


def _subscribe(running: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", running.environment["PUBSUB_EMULATOR_HOST"])
    with pubsub_v1.SubscriberClient() as client:
        client.create_subscription(
            name=SUBSCRIPTION, topic=running.environment["PUBSUB_TOPIC"], ack_deadline_seconds=ACK_DEADLINE_S
        )
    running.environment["PUBSUB_SUBSCRIPTION"] = SUBSCRIPTION


@contextmanager
def _publishing(monkeypatch: pytest.MonkeyPatch, running: System, limit: int) -> Iterator[None]:
    """Publishes beside the block, and until it is done after it."""
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            publish_flights(monkeypatch, running.environment, limit, EVENTS_PER_S)
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=publish)
    thread.start()
    yield
    thread.join()
    if failures:
        raise failures[0]


def _kill_and_restart(running: System, kind: str, number: int) -> None:
    name = f"{kind}-{number}"
    assert running.processes.stop(name, signal.SIGKILL) == -signal.SIGKILL
    if kind == "writer":
        running.start_writer(name, WRITER)
    else:
        running.start_compactor(name, every_s=0.2)


def _servers(running: System) -> list[int]:
    """The Pub/Sub server's process, and the Cloud Storage server that it started."""
    pid = running.processes.process("cloud").pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    storage = [int(c) for c in children if "fake-gcs-server" in Path(f"/proc/{c}/cmdline").read_text()]
    assert len(storage) == 1
    return [storage[0], pid]


def _check(running: System, flights: pl.DataFrame, seed: int) -> None:
    asked = ask_oracle(flights, 100, seed)
    check_answers(running, asked)
    running.wait_until(lambda: running.get("/v1/lake")["tail"]["files"] == 0, "an empty tail")
    check_answers(running, asked)
    lake = running.get("/v1/lake")
    assert (lake["rejected"]["files"], lake["unreadable"]) == (0, [])
