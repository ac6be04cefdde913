"""One round: a fresh system, kills and freezes from a seed, invariants checked to the end."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

from tests._support.waiting import TickingWait
from tests.verification.crash.invariants import Invariants, InvariantViolated
from tests.verification.crash.publisher import Publisher
from tests.verification.crash.record import Journal, Objects
from tests.verification.crash.services import NAMES, TOPIC, Services

_PATIENCE_S = 90.0  # nothing takes more than a few seconds on a quiet machine
_STOPS_WITHIN_S = 8.0  # what a writer promises
_LONGER_THAN_A_LEASE_S = 11.0
_CHECK_EVERY = 5
_TICK_S = 0.05

KINDS = (
    *(f"kill {name}" for name in NAMES for _ in range(2)),
    *(f"freeze {name}" for name in NAMES),
    *["terminate holder"] * 3,
)
"""As often as they are here."""


class Round:
    """`run` returns how often each kind of fault happened. Raises InvariantViolated or ProcessFailed."""

    def __init__(self, folder: Path, seed: str, kills: int) -> None:
        self._folder = folder
        self._seed = seed
        self._kills = kills
        self._rng = random.Random(seed)
        self._began = time.monotonic()
        self._due: list[tuple[float, str, Callable[[], None]]] = []
        self._terminated: dict[str, float] = {}
        self._wait = TickingWait(self._tick, _TICK_S, _PATIENCE_S, InvariantViolated)
        self.history: list[str] = []
        self.kinds: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        with Services(self._folder, self._seed) as self._services:
            publisher = Publisher(self._services.pubsub_address, TOPIC, random.Random(f"{self._seed} publisher"))
            objects = Objects(self._services.bucket, self._folder / "objects.ndjson")
            with httpx.Client(base_url=self._services.url("api", ""), timeout=_PATIENCE_S) as api:
                self._invariants = Invariants(publisher, Journal(self._services.journal), objects, api)
                publisher.start()
                try:
                    self._strike_all()
                    self._settle(publisher)
                finally:
                    publisher.abandon()
                    objects.close()
        return self.kinds

    # -- what happens to them ------------------------------------------------------------------------------------

    def _strike_all(self) -> None:
        self._wait.until(lambda: all(map(self._services.is_up, NAMES)), "everything is up")
        for number in range(1, self._kills + 1):
            self._wait.pause(self._rng.uniform(0.0, 1.0))  # the moment is what is random here
            kind = self._next_kind()
            what, name = kind.split()
            self._note(kind)
            self.kinds[kind] += 1
            {"kill": self._kill, "freeze": self._freeze, "terminate": self._terminate}[what](name)
            if number % _CHECK_EVERY == 0:
                self._recover()
                self._note(f"the invariants hold, {self._invariants.check_acked()} messages acked")

    def _next_kind(self) -> str:
        """The first of a random order whose victim runs now (which depends on load too)."""
        order = self._rng.sample(KINDS, len(KINDS))
        found: list[str] = []

        def is_found() -> bool:
            found[:] = [kind for kind in order if self._is_fit(kind.split()[1])][:1]
            return bool(found)

        self._wait.until(is_found, "anything is up")
        return found[0]

    def _is_fit(self, name: str) -> bool:
        """Running, not frozen, not told to stop, and at work."""
        if any(other == name for _, other, _ in self._due) or name in self._terminated:
            return False
        return self._services.is_running(name) and self._services.is_up(name)

    def _kill(self, name: str) -> None:
        self._services.kill(name)
        away_s = self._rng.choice((0.0, self._rng.uniform(0.0, 1.5)))
        self._later(away_s, name, lambda: self._services.start(name))

    def _freeze(self, name: str) -> None:
        self._services.signal(name, signal.SIGSTOP)
        is_long = name in ("writer", "holder") and self._rng.random() < 0.2
        frozen_s = _LONGER_THAN_A_LEASE_S if is_long else self._rng.uniform(0.2, 2.0)
        self._later(frozen_s, name, lambda: self._services.signal(name, signal.SIGCONT))

    def _terminate(self, name: str) -> None:
        self._services.signal(name, signal.SIGTERM)
        self._terminated[name] = time.monotonic()

    # -- time ------------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, name: str, action: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + seconds, name, action))

    def _tick(self, *, all_due: bool = False) -> None:
        """Runs due actions, and checks that no process ended unexpectedly."""
        now = time.monotonic()
        due = [each for each in self._due if all_due or each[0] <= now]
        self._due = [each for each in self._due if each not in due]
        for _, name, action in due:
            action()
            self._note(f"  {name} goes on")
        for name, since in list(self._terminated.items()):
            self._look_at_terminated(name, time.monotonic() - since)
        self._services.check(frozenset(self._terminated))

    def _look_at_terminated(self, name: str, seconds: float) -> None:
        if self._services.has_ended(name):
            del self._terminated[name]
            code = self._services.reap(name)
            self._note(f"  {name} ended after {seconds:.1f} s")
            if code != 0:
                raise InvariantViolated(
                    f"{name} exited with {code} after a SIGTERM: {self._services.log(name)[-2000:]}"
                )
            self._services.start(name)
        elif seconds > _STOPS_WITHIN_S:
            raise InvariantViolated(
                f"{name} still runs {seconds:.1f} s after a SIGTERM: {self._services.log(name)[-2000:]}"
            )

    def _note(self, text: str) -> None:
        self.history.append(f"{time.monotonic() - self._began:7.2f} {text}")

    # -- the end ---------------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Thaws and starts everything; API and storage answer."""
        self._tick(all_due=True)
        self._wait.until(lambda: self._is_fit("gcs") and self._is_fit("api"), "storage and API are back")

    def _settle(self, publisher: Publisher) -> None:
        self._recover()
        self._wait.until(lambda: self._is_fit("pubsub"), "Pub/Sub is back")
        publisher.stop()
        self._wait.until(lambda: self._is_fit("holder"), "the holder is back")
        self._terminate("holder")
        self._wait.until(lambda: "holder" not in self._terminated, "the holder has landed what it held")
        self._services.kill("holder")  # its successor would only hold what is still to come
        self._wait.until(lambda: self._invariants.unacked() == 0, "everything is acked")
        self._note(f"all acked: {self._invariants.check_acked()} messages")
        self._until_right("the answers are right")
        self._invariants.check_settled()
        self._wait.until(lambda: self._invariants.tail_files() == 0, "everything is merged")
        self._until_right("the merged answers are right")
        verified = self._services.verify()
        if verified.returncode != 0:
            raise InvariantViolated(f"lakehouse verify: {verified.stdout}{verified.stderr}")
        self._note("settled, and right")

    def _until_right(self, what: str) -> None:
        """A plan is as old as the API's settings allow: soon the answers hold everything."""
        try:
            self._wait.until(lambda: not self._invariants.difference(), what)
        except InvariantViolated:
            raise InvariantViolated(self._invariants.difference()) from None
