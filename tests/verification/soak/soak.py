"""The soak: the whole system under a mixed load, faults at their times, and what came of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Final

import httpx

from local_cloud.processes.supervise import cpu_seconds
from tests._support.waiting import TickingWait
from tests.verification.campaign.ledger import commit
from tests.verification.crash.invariants import Invariants, InvariantViolated
from tests.verification.crash.publisher import Publisher
from tests.verification.crash.record import Journal, Objects
from tests.verification.crash.services import ACK_DEADLINE_S, SERVERS, TOPIC, Services
from tests.verification.soak.checker import Checker
from tests.verification.soak.cost import FRESH_S, Stale, Window, cost
from tests.verification.soak.faults import API_CACHE, FAULTS, FULL_S, Fault, Injector
from tests.verification.soak.load import Answer, Load
from tests.verification.soak.oracle import Oracle
from tests.verification.soak.outcome import Outcome
from tests.verification.soak.question import FLIGHTS_A_DATE
from tests.verification.soak.slow_link import SlowLink
from tests.verification.soak.small_disk import SmallDisk
from tests.verification.soak.usage import Busy, Usage

NAMES: Final = (*SERVERS, "writer", "compactor-1", "api")
WATCHED: Final = ("api", "writer")

_REQUESTS_A_S: Final = 7.0  # of three messages: some 130 events, each of which the oracle keeps
# No calls that are carried out and answered UNAVAILABLE: a pull of that kind costs an ack deadline,
# and freshness is measured here.
_PUBSUB_FAULTS: Final = ("--redeliver=0.05", "--duplicate=0.05", "--reorder=0.1")
_SHARE: Final = 0.5  # of the capacity
_COMPACT_EVERY_S: Final = 10.0
_WARM_ANSWERS: Final = 200
_CAPACITY_S: Final = (3.0, 20.0)  # how long it is measured: a soak of seconds, and a full one
_PATIENCE_S: Final = 120.0
_TICK_S: Final = 0.05


class Soak:
    """`run` returns the outcome. Raises InvariantViolated or ProcessFailed when services or data are lost."""

    def __init__(self, folder: Path, seed: str, seconds: float, say: Callable[[str], None] = print) -> None:
        self._folder = folder
        self._seed = seed
        self._seconds = seconds
        self._say = say
        self._commit = commit()  # of what begins to run; files may change meanwhile
        self._began = time.monotonic()
        self._wait = TickingWait(self._tick, _TICK_S, _PATIENCE_S, TimeoutError)
        self._windows: list[Window] = []
        self._capacity_per_s = 0.0

    def run(self) -> Outcome:
        self._note(f"soak of {self._seconds:.0f} s, seed {self._seed}, in {self._folder}")
        with self._started():
            self._wait.until(lambda: all(map(self._services.is_up, NAMES)), "everything is up")
            self._load.start()
            self._measure_capacity()
            self._load.rate_per_s = self._capacity_per_s * _SHARE
            self._usage.start()
            busy = Busy(self._cpu_seconds)
            self._load_began_s = time.time()
            self._strike_all()
            self._load_ended_s = time.time()
            self._others_share = busy.others_share()
            self._load.stop()
            self._usage.stop()
            self._usage.write(self._folder / "usage.ndjson")
            self._checker.stop()
            self._note(f"{len(self._checker.answers)} answers checked")
            self._settle()
            return self._outcome()

    # -- the system --------------------------------------------------------------------------------

    @contextmanager
    def _started(self) -> Iterator[None]:
        with ExitStack() as stack:
            self._disk = stack.enter_context(SmallDisk(self._folder / "disk"))
            if not self._disk.is_mounted:
                self._note("!!! NO TMPFS COULD BE MOUNTED: a limit of file sizes stands for the full disk")
            self._services = Services(
                self._folder,
                self._seed,
                NAMES,
                _PUBSUB_FAULTS,
                settings=_settings(self._disk.folder),
                compact_every_s=_COMPACT_EVERY_S,
            )
            link = stack.enter_context(SlowLink(self._services.port("gcs")))
            self._services.storage_url = link.url
            stack.enter_context(self._services)
            self._injector = Injector(self._services, self._disk, link)
            rng = random.Random(f"{self._seed} publisher")
            address = self._services.pubsub_address
            self._publisher = Publisher(address, TOPIC, rng, _REQUESTS_A_S, FLIGHTS_A_DATE)
            self._objects = Objects(self._services.bucket, self._folder / "objects.ndjson")
            stack.callback(self._objects.close)
            self._oracle = Oracle(self._publisher.sent, Journal(self._services.journal))
            self._checker = Checker(self._oracle)
            self._load = Load(self._services.port("api"), self._seed, self._checker.note)
            self._checker.asked_since_s = lambda: self._load.asked_since_s
            self._usage = Usage(self._pids, self._seconds)
            for end in (self._publisher.abandon, self._usage.stop, self._checker.abandon, self._load.stop):
                stack.callback(end)
            self._published_from_s = time.time()
            self._publisher.start()
            self._checker.start()
            yield

    def _measure_capacity(self) -> None:
        """As many answers as there are when every caller asks again at once."""
        short_s, full_s = _CAPACITY_S
        seconds = short_s + (full_s - short_s) * min(1.0, self._seconds / FULL_S)
        self._wait.until(lambda: len(self._checker.answers) >= _WARM_ANSWERS, "the API is warm")
        began_s = time.time()
        self._wait.pause(seconds)
        ended_s = time.time()
        self._wait.until(lambda: self._checker.checked_until_s >= ended_s, "the first answers are checked")
        count = sum(began_s <= answer.done_s < ended_s for answer in list(self._checker.answers))
        self._capacity_per_s = count / (ended_s - began_s)
        self._note(f"capacity: {self._capacity_per_s:.0f} questions a second")

    # -- what happens to it ------------------------------------------------------------------------

    def _strike_all(self) -> None:
        scale = self._seconds / FULL_S
        began = time.monotonic()
        times = ((at_s, each) for each in FAULTS for at_s in each.at_s)
        for at_s, fault in sorted(times, key=itemgetter(0)):
            self._wait.pause(began + at_s * scale - time.monotonic())
            self._strike(fault, min(fault.lasts_s, max(1.0, fault.lasts_s * scale)))
        self._wait.pause(began + self._seconds - time.monotonic())
        ends = [window.began_s for window in self._windows[1:]] + [time.time()]
        self._windows = [replace(w, until_s=until_s) for w, until_s in zip(self._windows, ends, strict=True)]

    def _strike(self, fault: Fault, lasts_s: float) -> None:
        began_s = time.time()
        self._note(fault.name)
        self._injector.begin(fault)
        self._wait.pause(lasts_s)
        self._injector.end(fault)
        if fault.kills:
            self._wait.until(lambda: self._services.is_up(fault.kills), f"{fault.kills} is at work again")
        self._windows.append(Window(fault, began_s, time.time()))

    def _tick(self) -> None:
        self._services.check(frozenset())
        self._checker.check_alive()

    def _cpu_seconds(self) -> float:
        return sum(cpu_seconds(self._services.pid(name)) for name in NAMES if self._services.is_running(name))

    def _pids(self) -> dict[str, int]:
        return {name: self._services.pid(name) for name in WATCHED if self._services.is_running(name)}

    def _note(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._began:7.1f} {text}")

    # -- the end -----------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Everything is acked, merged and right, by the invariants of the kills."""
        self._publisher.stop()
        with httpx.Client(base_url=self._services.url("api", ""), timeout=_PATIENCE_S) as api:
            invariants = Invariants(self._publisher, Journal(self._services.journal), self._objects, api)
            self._wait.until(lambda: invariants.unacked() == 0, "everything is acked")
            self._note(f"all acked: {invariants.check_acked()} messages")
            self._wait.until(lambda: not invariants.difference(), "the answers are right")
            invariants.check_settled()
            self._wait.until(lambda: invariants.tail_files() == 0, "everything is merged")
            self._wait.until(lambda: not invariants.difference(), "the merged answers are right")
        verified = self._services.verify()
        if verified.returncode != 0:
            raise InvariantViolated(f"lakehouse verify: {verified.stdout}{verified.stderr}")
        self._note("settled, and right")

    def _outcome(self) -> Outcome:
        answers = [a for a in self._checker.answers if self._load_began_s <= a.asked_s < self._load_ended_s]
        stale = Stale(self._checker.ages, self._oracle.late(FRESH_S, self._objects.stored_s))
        costs = [cost([w for w in self._windows if w.fault is fault], answers, stale) for fault in FAULTS]
        thirds = {
            name: [self._usage.third(name, self._load_began_s, self._load_ended_s, number) for number in (1, 2)]
            for name in WATCHED
        }
        lines = sum(len(self._publisher.sent[message]) for message in self._publisher.answered.values())
        return Outcome(
            self._commit,
            self._seed,
            self._seconds,
            self._capacity_per_s,
            self._load.rate_per_s,
            lines / (self._load_ended_s - self._published_from_s),
            self._disk.is_mounted,
            self._others_share,
            Counter(answer.kind for answer in answers),
            tuple(costs),
            {name: (second, last) for name, (second, last) in thirds.items()},
            tuple(self._checker.wrong),
            self._checker.wrong_count,
            tuple(_unexpected(answers, self._windows)),
        )


def _unexpected(answers: Sequence[Answer], windows: Sequence[Window]) -> Iterator[str]:
    """What was lost and no fault explains."""
    began_s = min(window.began_s for window in windows)
    for answer in answers:
        if answer.is_lost and not any(window.explains(answer) for window in windows):
            yield f"{answer.asked_s - began_s:.1f} s after the first fault: {answer.kind}: {answer.question.path}"


def _settings(disk: Path) -> dict[str, dict[str, str]]:
    """The defaults, but for small caches on the small disk and the shortest lease."""
    (disk / "tmp").mkdir()
    (disk / "scratch").mkdir()
    temporary = {"TMPDIR": str(disk / "tmp")}
    return {
        "writer": {"WRITER_ACK_DEADLINE_S": str(ACK_DEADLINE_S)},
        "compactor-1": {
            **temporary,
            "COMPACTOR_SCRATCH_DIR": str(disk / "scratch"),
            "COMPACTOR_DELETE_GRACE_S": "60",  # collects during the soak, and not what slow queries read
            "COMPACTOR_RETENTION_S": "60",
        },
        "api": {
            **temporary,
            "API_CACHE_DIR": str(disk / API_CACHE),
            "API_FILE_CACHE_MB": "16",
            "API_TAIL_CACHE_MB": "4",
            "API_RESULT_CACHE_MB": "4",  # full before the second third
        },
    }
