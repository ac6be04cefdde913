"""`rehearse-restore`: loses objects of a lake on this machine, restores them, and compares the answers.

What docs/reliability.md says of a restore, done: first one object, then all of them. The loss of one has to be
noticed, and after each restore `verify` finds nothing and every answer has its bytes of before. Restores are
gcloud's own where it is on the path, and otherwise the same calls of the storage's API.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from lakehouse.command_line.arguments import Parser
from local_cloud.emulators.soft_delete import SoftDelete, gcloud_environment
from local_cloud.emulators.up import BUCKET, local_cloud
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.replay import replay
from local_cloud.processes.supervise import Processes, ProcessFailed, free_port

_FLIGHTS: Final = 3000  # four days: some seconds
_WITHIN_S: Final = 120.0
_QUESTIONS: Final = (
    "/v1/stats?group_by=carrier",
    "/v1/stats?group_by=flight_date,origin&order_by=flight_date",
    "/v1/flights?date_from=2013-01-01&date_to=2013-01-02&limit=200",
)


class Rehearsal:
    """One lake: how to ask about it, and how to lose and restore its objects."""

    def __init__(self, storage: SoftDelete, environment: Mapping[str, str], folder: Path, gcloud: str | None) -> None:
        self._storage = storage
        self._environment = {**environment, "STORAGE_EMULATOR_HOST": storage.url, "TMPDIR": str(folder)}
        self._folder = folder
        self._gcloud = gcloud
        self._runs = 0

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """`python -m ...arguments` on the lake."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env={**os.environ, **self._environment, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN_S,
        )

    @contextmanager
    def service(self, processes: Processes, name: str, *arguments: str, **settings: str) -> Iterator[str]:
        """The address of a service that runs until the block ends. What it cached before is gone."""
        self._runs += 1
        name, port = f"{name}-{self._runs}", str(free_port())
        ports = {"PORT": port, "WRITER_PORT": port, "API_HOST": "127.0.0.1", "WRITER_HOST": "127.0.0.1"}
        cache = {"API_CACHE_DIR": str(self._folder / name)} if arguments == ("query_service",) else {}
        processes.start(name, arguments, {**self._environment, **ports, **cache, **settings})
        processes.wait_until_answers(name, f"http://127.0.0.1:{port}/health")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            processes.stop(name)

    def answers(self, processes: Processes) -> list[bytes]:
        """What a new API says to each question."""
        with self.service(processes, "api", "query_service") as url:
            return [_get(url + question) for question in _QUESTIONS]

    def names(self) -> list[str]:
        """All objects of the lake."""
        listed = json.loads(_get(f"{self._storage.url}/storage/v1/b/{BUCKET}/o"))
        return [item["name"] for item in listed.get("items", [])]

    def lose(self, names: Sequence[str]) -> None:
        for name in names:
            self._call("DELETE", f"o/{quote(name, safe='')}")

    def restore(self, name: str) -> None:
        """The newest generation of one object."""
        listed = json.loads(_get(f"{self._storage.url}/storage/v1/b/{BUCKET}/o?softDeleted=true&prefix={quote(name)}"))
        generation = max(int(item["generation"]) for item in listed["items"] if item["name"] == name)
        if self._gcloud is None:
            self._call("POST", f"o/{quote(name, safe='')}/restore?generation={generation}")
        else:
            self._run_gcloud(f"gs://{BUCKET}/{name}#{generation}")

    def restore_all(self, since: dt.datetime) -> None:
        """All that was deleted since then, and nothing that compaction had deleted before."""
        if self._gcloud is None:
            body = {"matchGlobs": ["**"], "softDeletedAfterTime": since.isoformat()}
            self._call("POST", "o/bulkRestore", json.dumps(body).encode())
        else:
            self._run_gcloud(f"gs://{BUCKET}/**", "--async", f"--deleted-after-time={since.isoformat()}")

    def _run_gcloud(self, *arguments: str) -> None:
        command = [str(self._gcloud), "storage", "restore", *arguments]
        settings = gcloud_environment(self._storage.url, self._folder / "gcloud")
        done = subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=_WITHIN_S
        )
        if done.returncode != 0:
            raise ProcessFailed(f"{' '.join(command)}: {done.stderr[-1000:]}")

    def _call(self, method: str, path: str, body: bytes = b"") -> None:
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._storage.url}/storage/v1/b/{BUCKET}/{path}", body, kind, method=method)
        with urllib.request.urlopen(request, timeout=30.0):
            pass


def main(arguments: Sequence[str]) -> int:
    """0 when each restore brought everything back."""
    options = _parser().parse_args(arguments)
    gcloud = None if options.without_gcloud else shutil.which("gcloud")
    with tempfile.TemporaryDirectory(prefix="flights-restore-") as name, local_cloud() as cloud:
        folder = Path(name)
        with SoftDelete(cloud.gcs.port) as storage, Processes(folder) as processes:
            os.environ["PUBSUB_EMULATOR_HOST"] = cloud.pubsub.address
            rehearsal = Rehearsal(storage, cloud.environment, folder, gcloud)
            try:
                _fill(rehearsal, processes, options.flights, cloud.environment["PUBSUB_TOPIC"])
                return _rehearse(rehearsal, processes, "gcloud" if gcloud else "the storage's API")
            except ProcessFailed as error:
                print(f"rehearse-restore: {error}", file=sys.stderr)
                return 1


def _fill(rehearsal: Rehearsal, processes: Processes, flights: int, topic: str) -> None:
    """Two snapshots and a tail, as in service."""
    events = list(events_of(read_flights(flights)))
    parts = [events[index * len(events) // 3 : (index + 1) * len(events) // 3] for index in range(3)]
    with rehearsal.service(processes, "writer", "ingest_writer", "run", WRITER_BATCH_MAX_AGE_S="0.2"):
        for number, part in enumerate(parts):
            before = len([name for name in rehearsal.names() if name.startswith("landing/")])
            replay(part, topic)
            _wait_until_landed(rehearsal, before)
            if number < len(parts) - 1:
                _must(rehearsal.run("ingest_writer", "compact"))


def _wait_until_landed(rehearsal: Rehearsal, before: int) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while len([name for name in rehearsal.names() if name.startswith("landing/")]) <= before:
        if time.monotonic() > deadline:
            raise ProcessFailed(f"nothing landed within {_WITHIN_S:.0f} s")
        time.sleep(0.1)


def _rehearse(rehearsal: Rehearsal, processes: Processes, by: str) -> int:
    names = rehearsal.names()
    answers = rehearsal.answers(processes)
    month_file = max(name for name in names if name.startswith("flights/") and name.endswith(".parquet"))
    wrong = []
    for what, lost in (("one month file", [month_file]), ("the whole bucket", names)):
        began, since = time.monotonic(), dt.datetime.now(dt.UTC)
        rehearsal.lose(lost)
        noticed = _notices(rehearsal, lost, names)
        if len(lost) == 1:
            rehearsal.restore(month_file)
        else:
            rehearsal.restore_all(since)
        is_same = rehearsal.answers(processes) == answers and rehearsal.names() == names
        verified = rehearsal.run("lakehouse", "verify")
        print(f"{what}: {len(lost)} objects lost, restored by {by} in {time.monotonic() - began:.1f} s")
        wrong += [] if noticed else [f"{what}: nobody noticed the loss"]
        wrong += [] if is_same else [f"{what}: answers or objects are not those of before"]
        wrong += [] if verified.returncode == 0 else [f"{what}: verify: {verified.stdout}{verified.stderr}"]
    wrong += _goes_on(rehearsal, processes, answers)
    print(*(wrong or ["verify finds nothing, and every answer has its bytes of before"]), sep="\n")
    return 1 if wrong else 0


def _notices(rehearsal: Rehearsal, lost: Sequence[str], names: Sequence[str]) -> bool:
    """Whether `verify` says so. An empty bucket is a new lake to it: an API that knew the old one refuses."""
    return len(lost) == len(names) or rehearsal.run("lakehouse", "verify").returncode != 0


def _goes_on(rehearsal: Rehearsal, processes: Processes, answers: Sequence[bytes]) -> list[str]:
    """Whether compaction goes on with what was restored, with the person's word for it where it asks."""
    run = rehearsal.run("ingest_writer", "compact")
    if run.returncode != 0:
        latest = max(int(Path(name).stem) for name in rehearsal.names() if name.startswith("snapshots/"))
        print(f"the compactor wants a person's word for the restored snapshots: COMPACTOR_TRUSTED_SNAPSHOT={latest}")
        run = rehearsal.run("ingest_writer", "compact", COMPACTOR_TRUSTED_SNAPSHOT=str(latest))
    if run.returncode != 0:
        return [f"compaction does not go on: {run.stdout[-1000:]}{run.stderr[-1000:]}"]
    if _without_lake(rehearsal.answers(processes)) != _without_lake(answers):
        return ["answers changed with the first compaction"]
    return []


def _without_lake(answers: Sequence[bytes]) -> list[Any]:
    """The data alone: a compaction makes a new snapshot of the same flights."""
    return [json.loads(answer)["data"] for answer in answers]


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise ProcessFailed(f"{' '.join(done.args[2:])}: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60.0) as answer:
        body: bytes = answer.read()
        return body


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m local_cloud rehearse-restore",
        description=__doc__,
        epilog="example:\n  python -m local_cloud rehearse-restore --flights 20000\n\nIt reads no setting.",
    )
    parser.add_argument("--flights", type=int, default=_FLIGHTS, help="flights in the lake (default %(default)s)")
    parser.add_argument("--without-gcloud", action="store_true", help="by the storage's API, also where gcloud is")
    return parser
