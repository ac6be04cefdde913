"""A thread that has every answer checked, once all is known that may be in it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.verification.soak.load import Answer
from tests.verification.soak.oracle import Oracle

_EVERY_S: Final = 0.1
_KEPT: Final = 20  # wrong answers that are told


class Checker:
    """`note` takes an answer from any thread. The oracle wants them as they were asked."""

    def __init__(self, oracle: Oracle) -> None:
        self.answers: list[Answer] = []
        """Without bodies."""
        self.ages: list[tuple[float, float]] = []
        """When an answer ended, and how old the newest event in it was: (time, seconds)."""
        self.wrong: list[str] = []
        self.wrong_count = 0
        self.checked_until_s = 0.0
        """All answers that were given before it are in `answers`."""
        self.asked_since_s: Callable[[], float] = time.time
        self._oracle = oracle
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, Answer]] = []
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when everything is checked."""
        self.abandon()
        self.check_alive()

    def abandon(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def check_alive(self) -> None:
        """Raises what has ended the thread."""
        if self._error is not None:
            raise self._error

    def note(self, answer: Answer) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (answer.asked_s, next(self._numbers), answer))

    def _run(self) -> None:
        try:
            while not self._stop.wait(_EVERY_S):
                self._check_all()
            self._check_all()
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self._error = error

    def _check_all(self) -> None:
        asked_since_s = self.asked_since_s()
        now_s = time.time()  # all that ended before is known once the journal is read
        self._oracle.read(time.time())
        while (answer := self._next(min(asked_since_s, now_s), now_s)) is not None:
            if not answer.is_lost:
                wrong, age_s = self._oracle.check(answer)
                if wrong:
                    self.wrong_count += 1
                    self.wrong = [*self.wrong, wrong][:_KEPT]
                if age_s is not None:
                    self.ages.append((answer.done_s, age_s))
            self.answers.append(replace(answer, body=b""))
        self.checked_until_s = min(asked_since_s, now_s)

    def _next(self, asked_before_s: float, done_before_s: float) -> Answer | None:
        with self._lock:
            if not self._waiting or self._waiting[0][0] >= asked_before_s:
                return None
            if self._waiting[0][2].done_s >= done_before_s:
                return None
            return heapq.heappop(self._waiting)[2]
