"""The whole system as real processes: local cloud, writers, compactors, API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_cloud.flights.events import events
from local_cloud.flights.replay import replay
from local_cloud.processes.supervise import Processes, free_port, local_cloud_exports

DEADLINE_S = 300.0


@dataclass
class System:
    """Processes that were started, and how to reach them."""

    processes: Processes
    environment: dict[str, str]
    api: httpx.Client

    def start_writer(self, name: str, settings: Mapping[str, str] = {}) -> None:
        # A short age makes many small files of mixed content, which is the harder case.
        settings = {"WRITER_PORT": str(free_port()), "WRITER_BATCH_MAX_AGE_S": "1", **settings}
        self.processes.start(name, ["ingest_writer", "run"], {**self.environment, **settings})
        self.processes.wait_until_answers(name, f"http://127.0.0.1:{settings['WRITER_PORT']}/ready")

    def start_compactor(self, name: str, every_s: float) -> None:
        # No grace and no retention: collection follows at once, which is the harder case for readers.
        settings = {"COMPACTOR_DELETE_GRACE_S": "0", "COMPACTOR_RETENTION_S": "0"}
        arguments = ["ingest_writer", "compact", "--every", str(every_s)]
        self.processes.start(name, arguments, {**self.environment, **settings})

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
        response = self.api.get(path, params=list(params))
        assert response.status_code == 200, f"{response.url}: {response.status_code} {response.text}"
        return response.json()

    def wait_until_settled(self, flights: int) -> None:
        """Until the API shows every flight in its last state."""

        def settled() -> bool:
            row = self.get("/v1/stats")["data"][0]
            return bool(row["arrived"] + row["cancelled"] + row["diverted"] == flights)

        self.wait_until(settled, f"{flights} flights in their last state")

    def wait_until(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            self.processes.check()
            assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
            time.sleep(0.1)  # between two looks


@contextmanager
def system(logs: Path, faults: Sequence[str] = ()) -> Iterator[System]:
    """A local cloud (with `faults` as options of `up`) and an API over its empty lake."""
    with Processes(logs) as processes:
        processes.start("cloud", ["local_cloud", "up", "--pubsub-port=0", "--gcs-port=0", *faults], {})
        environment = {**local_cloud_exports(processes), "PATH": os.environ["PATH"]}
        port = free_port()
        # Everything in the tail, in thousands of files, on cores that are busy publishing: exact, but not in 10 s.
        # Merged months contribute as whole ones, however few their flights; those in the tail are counted one by one.
        settings = {"PORT": str(port), "API_QUERY_TIMEOUT_S": "120", "API_ROLLUP_MIN_ROWS": "0"}
        processes.start("api", ["query_service"], {**environment, **settings})
        processes.wait_until_answers("api", f"http://127.0.0.1:{port}/ready")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=150.0) as client:
            yield System(processes, environment, client)


def publish_flights(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], limit: int, events_per_s: float | None = None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # A message has events of several flights, and hardly ever whole dates.
    replay(events(limit), environment["PUBSUB_TOPIC"], events_per_message=37, events_per_s=events_per_s)
