"""The whole system as processes that can be killed, frozen, thawed and restarted."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from google import pubsub_v1

from local_cloud.emulators.gcs import GcsServer
from local_cloud.processes.supervise import Processes, ProcessFailed, free_port

WRITERS = ("writer", "holder")
COMPACTORS = ("compactor-1", "compactor-2")
SERVERS = ("pubsub", "gcs")
NAMES = (*WRITERS, *COMPACTORS, "api", *SERVERS)

BUCKET = "flights-lake"
TOPIC = "projects/local/topics/flights"
SUBSCRIPTION = "projects/local/subscriptions/flights-writer"
ACK_DEADLINE_S = 10  # the shortest there is: what a killed writer held comes back soon
FAULTS = ("--redeliver=0.05", "--duplicate=0.05", "--reorder=0.1", "--unavailable-after=0.01")

_STARTS_WITHIN_S = 60.0
_COMPACT_EVERY_S = 0.7
_REFUSED_ITS_START = 2
_SERVER_IS_AWAY = "answers there; it takes"  # see lakehouse.environment.no_emulator_error
_Topic: Any = pubsub_v1.Topic.pb()
_Subscription: Any = pubsub_v1.Subscription.pb()

_WRITER = {"WRITER_ACK_DEADLINE_S": str(ACK_DEADLINE_S), "WRITER_BACKOFF_MAX_S": "1"}
_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "writer": {**_WRITER, "WRITER_BATCH_MAX_AGE_S": "0.5"},  # many small objects, which is the harder case
    # Fills its buffer until it is told to stop: the defaults of rows and bytes are far above what comes in a round.
    "holder": {**_WRITER, "WRITER_BATCH_MAX_AGE_S": "300"},
    # Collects as soon as it may, but for the time that it takes the test to note what landed.
    "compactor-1": {"COMPACTOR_DELETE_GRACE_S": "10", "COMPACTOR_RETENTION_S": "0"},
    "compactor-2": {"COMPACTOR_DELETE_GRACE_S": "10", "COMPACTOR_RETENTION_S": "0"},
    # Right, however late: how fast a busy machine answers is not the question here.
    "api": {"API_PLAN_MAX_AGE_S": "0.2", "API_QUERY_TIMEOUT_S": "80", "API_PLAN_TIMEOUT_S": "60"},
}


class Services:
    """`with Services(folder, seed) as services:` starts everything; only the folder remains."""

    def __init__(
        self,
        folder: Path,
        seed: str,
        names: Sequence[str] = NAMES,
        faults: Sequence[str] = FAULTS,
        settings: Mapping[str, Mapping[str, str]] = _SETTINGS,
        compact_every_s: float = _COMPACT_EVERY_S,
    ) -> None:
        self.folder = folder
        self._names = names
        self._faults = faults
        self._settings_of = settings
        self._compact_every_s = compact_every_s
        self._seed = seed
        self._processes = Processes(folder / "logs")
        # Below the ports that the system gives to clients: one that reconnects must not get its dead server's.
        self._ports = {name: free_port(random.randrange(20_000, 32_000)) for name in NAMES}
        self.gcs = GcsServer(self._ports["gcs"], buckets=(BUCKET,), data=folder / "objects")
        self.storage_url = self.gcs.url
        """What the services are told: to set it before they start puts something in between."""
        self._running: set[str] = set()
        self._log_from: dict[str, int] = {}

    def __enter__(self) -> Services:
        (self.folder / "logs").mkdir(parents=True)
        try:
            for name in SERVERS:
                self.start(name)
            self._create_subscription()
            for name in self._names:
                if name not in SERVERS:
                    self.start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in sorted(self._running - {"gcs"}):
            self._processes.stop(name, signal.SIGKILL)
        self.gcs.stop()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PUBSUB_EMULATOR_HOST": self.pubsub_address,
            "STORAGE_EMULATOR_HOST": self.storage_url,
            "LAKE_URL": f"gs://{BUCKET}",
            "PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
            "GOOGLE_CLOUD_PROJECT": "local",
            "PATH": os.environ["PATH"],
        }

    @property
    def pubsub_address(self) -> str:
        return f"127.0.0.1:{self._ports['pubsub']}"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def bucket(self) -> Path:
        return self.folder / "objects" / BUCKET

    def url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}{path}"

    def port(self, name: str) -> int:
        return self._ports[name]

    def pid(self, name: str) -> int:
        return self._process(name).pid

    def start(self, name: str) -> None:
        if name == "gcs":
            self.gcs.start()
        else:
            log = self._processes.log(name)
            self._log_from[name] = log.stat().st_size if log.exists() else 0
            self._processes.start(name, self._command(name), {**self.environment, **self._settings(name)})
        self._running.add(name)

    def kill(self, name: str) -> None:
        """SIGKILL; it is gone when this returns."""
        self._running.discard(name)
        if name == "gcs":
            self.gcs.process.kill()
            self.gcs.process.wait()
            self.gcs.stop()
        else:
            self._processes.stop(name, signal.SIGKILL)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._process(name).send_signal(number)

    def has_ended(self, name: str) -> bool:
        """After a SIGTERM."""
        return self._process(name).poll() is not None

    def reap(self, name: str) -> int:
        """Its exit code; it has ended."""
        self._running.discard(name)
        return self._processes.stop(name)

    def is_running(self, name: str) -> bool:
        return name in self._running

    def is_up(self, name: str) -> bool:
        """At work, so that killing it means something."""
        if name in COMPACTORS:
            return any(said in self.log(name) for said in ("compacted: ", "compaction failed"))
        if name in SERVERS:
            return _is_listening(self._ports[name])
        return _answers(self.url(name, "/health"))

    def log(self, name: str) -> str:
        """Since its start."""
        return self._processes.log(name).read_bytes()[self._log_from[name] :].decode(errors="replace")

    def check(self, ending: frozenset[str]) -> None:
        """Raises ProcessFailed when one has ended by itself; those `ending` were told to.

        One that found its server away when it started is started again, as an orchestrator would.
        """
        for name in self._running - ending:
            code = self._process(name).poll()
            if code == _REFUSED_ITS_START and _SERVER_IS_AWAY in self.log(name):
                self.reap(name)
                self.start(name)
            elif code is not None:
                end = self.log(name)[-2000:] if name != "gcs" else ""
                raise ProcessFailed(f"{name} exited with {code}: {end}")

    def verify(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lakehouse", "verify"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120.0,
        )

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        return self.gcs.process if name == "gcs" else self._processes.process(name)

    def _command(self, name: str) -> list[str]:
        if name == "pubsub":
            options = [f"--port={self._ports[name]}", f"--data={self.journal}", *self._faults]
            return ["local_cloud.emulators.pubsub", *options, f"--seed={_number(self._seed)}"]
        if name == "api":
            return ["query_service"]
        return (
            ["ingest_writer", "run"]
            if name in WRITERS
            else ["ingest_writer", "compact", "--every", str(self._compact_every_s)]
        )

    def _settings(self, name: str) -> dict[str, str]:
        port = {"api": "PORT", "writer": "WRITER_PORT", "holder": "WRITER_PORT"}.get(name)
        return {**self._settings_of.get(name, {})} | ({port: str(self._ports[name])} if port else {})

    def _create_subscription(self) -> None:
        topic = _Topic(name=TOPIC)
        subscription = _Subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=ACK_DEADLINE_S)
        with grpc.insecure_channel(self.pubsub_address) as channel:
            for method, request in (
                ("Publisher/CreateTopic", topic),
                ("Subscriber/CreateSubscription", subscription),
            ):
                call = channel.unary_unary(
                    f"/google.pubsub.v1.{method}", type(request).SerializeToString, type(request).FromString
                )
                call(request, wait_for_ready=True, timeout=_STARTS_WITHIN_S)


def _number(seed: str) -> int:
    return random.Random(seed).randrange(1_000_000)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
