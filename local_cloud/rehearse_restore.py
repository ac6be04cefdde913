"""`rehearse-restore`: loses objects of a lake on this machine, restores them, and compares the answers.

What docs/reliability.md says of a restore, done: first one object, then all of them. Each loss has to be noticed:
by `verify`, and by an API that was up. Before a person comes to the empty bucket, events land and the compactor begins
a new history of snapshots. After each restore `verify` finds nothing and every answer is that of before. Restores are
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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from lakehouse import object_names
from lakehouse.command_line.arguments import Parser
from local_cloud.emulators.soft_delete import SoftDelete, gcloud_environment
from local_cloud.emulators.up import BUCKET, TOPIC, local_cloud
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
            return _answers(url)

    def objects(self, prefix: str = "") -> dict[str, str]:
        """The objects of the lake whose names begin so, each with the checksum of its bytes."""
        listed = json.loads(_get(f"{self._storage.url}/storage/v1/b/{BUCKET}/o?prefix={quote(prefix)}"))
        return {item["name"]: item["crc32c"] for item in listed.get("items", [])}

    def lose(self, names: Iterable[str]) -> None:
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

    def restore_all(self, since: dt.datetime, until: dt.datetime) -> None:
        """All that was deleted between the two: nothing that compaction had deleted before, no snapshot of a new
        history that a person deleted after."""
        after, before = since.isoformat(), until.isoformat()
        if self._gcloud is None:
            body = {"matchGlobs": ["**"], "softDeletedAfterTime": after, "softDeletedBeforeTime": before}
            self._call("POST", "o/bulkRestore", json.dumps(body).encode())
        else:
            window = (f"--deleted-after-time={after}", f"--deleted-before-time={before}")
            self._run_gcloud(f"gs://{BUCKET}/**", "--async", *window)

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
                events = list(events_of(read_flights(options.flights)))
                with rehearsal.service(
                    processes, "writer", "ingest_writer", "run", WRITER_BATCH_MAX_AGE_S="0.2"
                ) as writer:
                    _fill(rehearsal, writer, events)
                    return _rehearse(rehearsal, processes, writer, events, "gcloud" if gcloud else "the storage's API")
            except ProcessFailed as error:
                print(f"rehearse-restore: {error}", file=sys.stderr)
                return 1


def _fill(rehearsal: Rehearsal, writer: str, events: Sequence[bytes]) -> None:
    """Two snapshots and a tail, as in service."""
    for number in range(3):
        _land(writer, events[number * len(events) // 3 : (number + 1) * len(events) // 3])
        if number < 2:
            _must(rehearsal.run("ingest_writer", "compact"))


def _land(writer: str, events: Sequence[bytes]) -> None:
    """Returns when the writer at this address has acked all of them."""
    wanted = _acked(writer) + replay(events, TOPIC).messages
    _wait_until(lambda: _acked(writer) >= wanted, "not all landed")


def _acked(writer: str) -> int:
    try:
        status = _get(f"{writer}/ready")
    except urllib.error.HTTPError as error:  # not ready yet: it has acked all the same
        status = error.read()
    return int(json.loads(status)["acked"])


def _rehearse(rehearsal: Rehearsal, processes: Processes, writer: str, events: Sequence[bytes], by: str) -> int:
    with rehearsal.service(processes, "api", "query_service") as up:
        answers = _answers(up)
        wrong = _loses_one(rehearsal, processes, answers, by)
        wrong += _loses_all(rehearsal, processes, writer, up, answers, events, by)
    wrong += _goes_on(rehearsal, processes, answers)
    print(*(wrong or ["verify finds nothing, and every answer is that of before"]), sep="\n")
    return 1 if wrong else 0


def _loses_one(rehearsal: Rehearsal, processes: Processes, answers: Sequence[bytes], by: str) -> list[str]:
    what, objects = "one month file", rehearsal.objects()
    lost = max(name for name in objects if name.startswith(object_names.FLIGHTS) and name.endswith(".parquet"))
    began = time.monotonic()
    rehearsal.lose([lost])
    noticed = rehearsal.run("lakehouse", "verify").returncode != 0
    rehearsal.restore(lost)
    is_same = rehearsal.answers(processes) == answers and rehearsal.objects() == objects
    print(f"{what}: restored by {by} in {time.monotonic() - began:.1f} s")
    wrong = [] if noticed else [f"{what}: verify did not notice the loss"]
    wrong += [] if is_same else [f"{what}: answers or objects are not those of before"]
    return wrong + _verified(rehearsal, what)


def _loses_all(
    rehearsal: Rehearsal,
    processes: Processes,
    writer: str,
    up: str,
    answers: Sequence[bytes],
    events: Sequence[bytes],
    by: str,
) -> list[str]:
    """`up` is an API that knows the lake."""
    what, objects = "the whole bucket", rehearsal.objects()
    began, accident = time.monotonic(), dt.datetime.now(dt.UTC)
    rehearsal.lose(objects)
    _wait_until(lambda: _problem(up).endswith("line-broken"), "an API that knew the lake did not refuse")
    landed = _begin_anew(rehearsal, writer, events[: len(events) // 3])
    rehearsal.restore_all(accident, _end_new_history(rehearsal))
    wrong = [] if _is_back(objects | landed, rehearsal.objects()) else [f"{what}: objects are not those of before"]
    rebuilt = rehearsal.run("ingest_writer", "publish", "--rebuild", **_trust(rehearsal))
    print(f"{what}: {len(objects)} objects lost, restored by {by} in {time.monotonic() - began:.1f} s")
    wrong += [] if rebuilt.returncode == 0 else [f"{what}: publish --rebuild: {rebuilt.stdout}{rebuilt.stderr}"]
    if wrong:
        return wrong
    is_same = _data(rehearsal.answers(processes)) == _data(answers)
    wrong += [] if is_same else [f"{what}: answers are not those of before"]
    wrong += [] if not _problem(up) else [f"{what}: the API that was up still refuses: {_problem(up)}"]
    return wrong + _verified(rehearsal, what)


def _is_back(objects: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether all is there, with its bytes, and no snapshot of another history. What the new one merged, no snapshot
    names, and the tables of other engines are made anew."""
    kept = {name: checksum for name, checksum in objects.items() if not name.startswith(object_names.DERIVED)}
    snapshots = [{name for name in names if name.startswith(object_names.SNAPSHOTS)} for names in (objects, now)]
    return kept.items() <= now.items() and snapshots[0] == snapshots[1]


def _begin_anew(rehearsal: Rehearsal, writer: str, events: Sequence[bytes]) -> dict[str, str]:
    """Until a person comes, events land (these say nothing new), and a compactor takes the empty bucket for a new
    lake. What landed."""
    _land(writer, events)
    landed = rehearsal.objects(object_names.LANDING)
    _must(rehearsal.run("ingest_writer", "compact"))
    if not rehearsal.objects(object_names.SNAPSHOTS):
        raise ProcessFailed("the compactor began no new history of snapshots")
    return landed


def _end_new_history(rehearsal: Rehearsal) -> dt.datetime:
    """Deletes its snapshots; a time before that, and after all that was lost. No compactor runs."""
    until = dt.datetime.now(dt.UTC)
    rehearsal.lose(rehearsal.objects(object_names.SNAPSHOTS))
    return until


def _goes_on(rehearsal: Rehearsal, processes: Processes, answers: Sequence[bytes]) -> list[str]:
    """Whether compaction goes on with what was restored, with a person's word for it."""
    run = rehearsal.run("ingest_writer", "compact", **_trust(rehearsal))
    if run.returncode != 0:
        return [f"compaction does not go on: {run.stdout[-1000:]}{run.stderr[-1000:]}"]
    if _data(rehearsal.answers(processes)) != _data(answers):
        return ["answers changed with the first compaction"]
    return []


def _verified(rehearsal: Rehearsal, what: str) -> list[str]:
    verified = rehearsal.run("lakehouse", "verify")
    return [] if verified.returncode == 0 else [f"{what}: verify: {verified.stdout}{verified.stderr}"]


def _trust(rehearsal: Rehearsal) -> dict[str, str]:
    """A person's word for the restored snapshots, whose times are those of their restore."""
    latest = max((int(Path(name).stem) for name in rehearsal.objects(object_names.SNAPSHOTS)), default=0)
    return {"COMPACTOR_TRUSTED_SNAPSHOT": str(latest)}


def _answers(url: str) -> list[bytes]:
    """What the API at this address says to each question."""
    return [_get(url + question) for question in _QUESTIONS]


def _data(answers: Sequence[bytes]) -> list[Any]:
    """Without what they say of the lake: which files it has of the same flights may differ."""
    return [json.loads(answer)["data"] for answer in answers]


def _problem(url: str) -> str:
    """The type of the problem document that an API answers with; empty when it answers well."""
    try:
        _get(url + _QUESTIONS[0])
    except urllib.error.HTTPError as error:
        return str(json.loads(error.read())["type"])
    return ""


def _wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not is_so():
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{otherwise} within {_WITHIN_S:.0f} s")
        time.sleep(0.1)


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
