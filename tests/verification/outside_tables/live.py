"""A writer, two compactors and readers of both tables, as processes over the local Cloud Storage, with kills.

What readers count has to be what some snapshot has: of the version that they saw, where they tell it.
"""

from __future__ import annotations

import json
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lakehouse import object_names
from lakehouse.errors import LakeError
from lakehouse.table.snapshot import from_json
from local_cloud.processes.supervise import Processes
from tests._support.waiting import TickingWait
from tests.verification.crash.publisher import Publisher
from tests.verification.crash.services import COMPACTORS, TOPIC, Services
from tests.verification.outside_tables.live_reader import ENGINES

_NAMES: Final = ("pubsub", "gcs", "writer", *COMPACTORS)
_KINDS: Final = (
    *("kill writer", "kill gcs"),
    *(f"{what} {name}" for what in ("kill", "freeze") for name in COMPACTORS),
    *(f"kill {engine}" for engine in ENGINES),
)
_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "writer": {"WRITER_ACK_DEADLINE_S": "10", "WRITER_BACKOFF_MAX_S": "1", "WRITER_BATCH_MAX_AGE_S": "0.5"},
    # Old files go while readers read, and not within a read of a second or two.
    **{name: {"COMPACTOR_DELETE_GRACE_S": "10", "COMPACTOR_RETENTION_S": "20"} for name in COMPACTORS},
}
_COMPACT_EVERY_S: Final = 1.0
_REQUESTS_A_S: Final = 5.0
_FLIGHTS_A_DATE: Final = 100_000  # hardly any flight twice: each snapshot has a count of its own
_BETWEEN_KILLS_S: Final = (0.5, 4.0)
_LOOK_EVERY_S: Final = 0.2  # at snapshots: far more often than one goes
_TICK_S: Final = 0.05
_PATIENCE_S: Final = 120.0
_LEAST_COUNTS: Final = 2  # different ones, that each reader sees before the end
_SHOWN: Final = 5
_ABORTS: Final = {
    "duckdb-iceberg": re.compile(
        r"terminate called after throwing an instance of 'duckdb::\w*Exception'\n.*\"exception_type\":\"(IO|HTTP)\""
    )
}
"""What an engine says when it ends its whole process because storage was killed while it read: a successor goes on.

https://github.com/duckdb/duckdb-iceberg/pull/1305, which the extension 1.5.5 does not have.
"""


@dataclass
class Outcome:
    """`counts`: the flights of each snapshot by number. `looks`: of each reader, in its order. `faults`: of ours.
    `aborts`: ends of a reader by its engine.
    """

    counts: Mapping[int, int]
    looks: Mapping[str, Sequence[dict[str, Any]]]
    faults: Counter[str] = field(default_factory=Counter)
    aborts: Counter[str] = field(default_factory=Counter)

    def wrong(self) -> list[str]:
        """Counts that no snapshot has, counts of another version than the one seen, and steps back in time."""
        known = set(self.counts.values())
        found = []
        for engine in self.looks:
            newest = 0
            for look in self.answers(engine):
                count, version = look["flights"], look["version"]
                if count not in known or (version is not None and self.counts.get(version) != count):
                    found.append(f"{engine} counted {count} in version {version}, no snapshot's count")
                if version is not None and version < newest:
                    found.append(f"{engine} saw version {version} after {newest}")
                newest = max(newest, version or 0)
        return found

    def gaps(self) -> list[int]:
        """Snapshots whose count is not known."""
        return sorted(set(range(max(self.counts) + 1)) - self.counts.keys())

    def answers(self, engine: str) -> list[dict[str, Any]]:
        return [look for look in self.looks[engine] if "flights" in look]

    def lines(self) -> list[str]:
        """For people."""
        readers = []
        for engine, looks in self.looks.items():
            answers = self.answers(engine)
            counts = len({look["flights"] for look in answers})
            readers.append(f"{engine}: {len(answers)} counts, {counts} different, {len(looks) - len(answers)} refused")
            refused = Counter(look["why"].splitlines()[0] for look in looks if "why" in look)
            readers += [f"  {number} x {why}" for why, number in refused.most_common(_SHOWN)]
        faults = ", ".join(f"{number} x {kind}" for kind, number in sorted(self.faults.items()))
        aborts = [f"{number} aborts of {engine} while storage was away" for engine, number in self.aborts.items()]
        return [f"{max(self.counts)} snapshots; {self.faults.total()} faults: {faults}", *readers, *aborts]


class Live:
    """`run` returns the outcome. Raises ProcessFailed when a process ends by itself, TimeoutError."""

    def __init__(self, folder: Path, seed: str, seconds: float) -> None:
        self._folder = folder
        self._seed = seed
        self._seconds = seconds
        self._rng = random.Random(seed)
        self._faults: Counter[str] = Counter()
        self._aborts: Counter[str] = Counter()
        self._logged: dict[str, int] = {}
        self._due: list[tuple[float, str, Callable[[], None]]] = []
        self._wait = TickingWait(self._tick, _TICK_S, _PATIENCE_S, TimeoutError)

    def run(self) -> Outcome:
        self._services = Services(
            self._folder, self._seed, _NAMES, settings=_SETTINGS, compact_every_s=_COMPACT_EVERY_S
        )
        with self._services, Processes(self._folder / "logs") as self._readers:
            publisher = Publisher(
                self._services.pubsub_address, TOPIC, random.Random(self._seed), _REQUESTS_A_S, _FLIGHTS_A_DATE
            )
            snapshots = Snapshots(self._services.bucket)
            publisher.start()
            try:
                self._wait.until(lambda: all(map(self._services.is_up, _NAMES)), "everything is up")
                for engine in ENGINES:
                    self._start_reader(engine)
                self._strike_all()
                self._wait.until(self._has_seen_enough, f"each reader sees {_LEAST_COUNTS} different counts")
                # Readers first: what they have seen was committed before, and is looked at after.
                looks = self._end_readers()
            finally:
                publisher.abandon()
                snapshots.close()
        return Outcome(snapshots.counts, looks, self._faults, self._aborts)

    def _strike_all(self) -> None:
        ends = time.monotonic() + self._seconds
        while time.monotonic() < ends:
            self._wait.pause(self._rng.uniform(*_BETWEEN_KILLS_S))  # the moment is what is random here
            kinds = [kind for kind in self._rng.sample(_KINDS, len(_KINDS)) if self._is_fit(kind.split()[1])]
            if kinds:
                self._strike(*kinds[0].split())
        self._tick(all_due=True)

    def _is_fit(self, name: str) -> bool:
        """Running, and at work."""
        if any(other == name for _, other, _ in self._due):
            return False
        return name in ENGINES or (self._services.is_running(name) and self._services.is_up(name))

    def _strike(self, what: str, name: str) -> None:
        self._faults[f"{what} {name}"] += 1
        if name in ENGINES:
            self._readers.stop(name, signal.SIGKILL)
            self._later(name, lambda: self._start_reader(name))
        elif what == "kill":
            self._services.kill(name)
            self._later(name, lambda: self._services.start(name))
        else:
            self._services.signal(name, signal.SIGSTOP)
            self._later(name, lambda: self._services.signal(name, signal.SIGCONT))

    def _later(self, name: str, action: Callable[[], None]) -> None:
        away_s = self._rng.choice((0.0, self._rng.uniform(0.0, 3.0)))
        self._due.append((time.monotonic() + away_s, name, action))

    def _tick(self, *, all_due: bool = False) -> None:
        now = time.monotonic()
        due = [each for each in self._due if all_due or each[0] <= now]
        self._due = [each for each in self._due if each not in due]
        for _, _, action in due:
            action()
        self._services.check(frozenset())
        self._check_readers()

    def _check_readers(self) -> None:
        """Starts readers that their engine has aborted again; raises ProcessFailed where another has ended."""
        ended = self._readers.ended()
        aborted = {engine for engine, code in ended.items() if self._is_abort(engine, code)}
        if ended.keys() - aborted:
            self._readers.check()
        for engine in aborted:
            self._aborts[engine] += 1
            self._readers.stop(engine)
            self._start_reader(engine)

    def _is_abort(self, engine: str, code: int) -> bool:
        """Whether storage was the reason: by what it said at its end, and not more often than storage was killed."""
        if engine not in _ABORTS or code != -signal.SIGABRT:
            return False
        said = self._readers.log(engine).read_bytes()[self._logged[engine] :].decode(errors="replace")
        return _ABORTS[engine].search(said) is not None and self._aborts[engine] < self._faults["kill gcs"]

    def _start_reader(self, engine: str) -> None:
        log = self._readers.log(engine)
        self._logged[engine] = log.stat().st_size if log.exists() else 0
        module = "tests.verification.outside_tables.live_reader"
        arguments = [module, engine, self._services.storage_url, str(self._file(engine))]
        self._readers.start(engine, arguments, {})

    def _has_seen_enough(self) -> bool:
        return all(
            len({look.get("flights", 0) for look in self._looks(engine)} - {0}) >= _LEAST_COUNTS for engine in ENGINES
        )

    def _end_readers(self) -> dict[str, list[dict[str, Any]]]:
        for engine in ENGINES:
            self._readers.stop(engine, signal.SIGKILL)
        return {engine: self._looks(engine) for engine in ENGINES}

    def _looks(self, engine: str) -> list[dict[str, Any]]:
        """All whole lines: a killed reader may have begun one, and its successor goes on behind it."""
        if not self._file(engine).exists():
            return []
        looks = []
        for line in self._file(engine).read_text().split("\n"):
            try:
                looks.append(json.loads(line))
            except ValueError:
                continue
        return looks

    def _file(self, engine: str) -> Path:
        return self._folder / f"{engine}.ndjson"


class Snapshots:
    """A thread that notes how many flights each snapshot shows, from the server's disk, before the snapshot goes."""

    def __init__(self, bucket: Path) -> None:
        self.counts = {0: 0}
        self._bucket = bucket
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for path in sorted((self._bucket / object_names.SNAPSHOTS).glob("*.json")):
            name = f"{object_names.SNAPSHOTS}{path.name}"
            number = object_names.parse_snapshot(name)
            if number is None or number in self.counts:
                continue
            try:
                snapshot = from_json(name, path.read_bytes())
            except (OSError, LakeError):
                continue  # half written, or just deleted; a gap will be missed
            self.counts[number] = sum(file.rows for file in snapshot.shown_files())
