"""The load: threads that ask the API at a rate, over kept connections, and note every answer."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.verification.soak.question import Question, draw

NO_ANSWER: Final = "no answer"
_CALLERS: Final = 16  # far below the queue of the API: what is shed is shed because of a fault
_TIMEOUT_S: Final = 20.0  # longer than the API may take
_LATE_S: Final = 0.5  # what was not asked in time is left out, not made up for in a burst
_CONDITIONAL: Final = 0.3
_IDLE_S: Final = 3.0  # the API closes what is idle for 5 s: a request must not meet that
_PAUSE_S: Final = 0.05  # after a refused connection


@dataclass(frozen=True)
class Answer:
    """One request. `kind` is the status, with a problem's title, or why there was no answer."""

    question: Question
    asked_s: float
    done_s: float
    kind: str
    body: bytes = b""

    @property
    def is_lost(self) -> bool:
        return self.kind.startswith(("5", NO_ANSWER))


class Load:
    """Asks from `start` to `stop`. `rate_per_s` may change; each answer goes to `note`."""

    def __init__(self, port: int, seed: str, note: Callable[[Answer], None]) -> None:
        self.rate_per_s = float("inf")
        self._port = port
        self._note = note
        self._lock = threading.Lock()
        self._due_s = 0.0
        self._asking: dict[int, float] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, random.Random(f"{seed} caller {number}")), daemon=True)
            for number in range(_CALLERS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Safe to call again, and before the start."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @property
    def asked_since_s(self) -> float:
        """When the oldest request was sent that has no answer yet; now, if there is none."""
        with self._lock:
            return min(self._asking.values(), default=time.time())

    def _run(self, number: int, rng: random.Random) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        known: dict[str, tuple[str, bytes]] = {}
        used_s = 0.0
        while self._is_turn():
            question = draw(rng)
            conditional = known.get(question.path) if rng.random() < _CONDITIONAL else None
            if time.time() - used_s > _IDLE_S:
                connection.close()
            with self._lock:
                asked_s = self._asking[number] = time.time()
            answer, etag = _ask(connection, question, asked_s, conditional)
            used_s = answer.done_s
            if etag:
                known[question.path] = etag, answer.body
            self._note(answer)
            with self._lock:  # after it is noted: what is not asked any more is known
                del self._asking[number]
            if answer.kind.startswith(NO_ANSWER):
                connection.close()
                self._stop.wait(_PAUSE_S)
        connection.close()

    def _is_turn(self) -> bool:
        """Waits for it; False when there is none any more."""
        with self._lock:
            due_s = self._due_s = max(self._due_s + 1 / self.rate_per_s, time.monotonic() - _LATE_S)
        return not self._stop.wait(max(0.0, due_s - time.monotonic()))


def _ask(
    connection: http.client.HTTPConnection, question: Question, asked_s: float, known: tuple[str, bytes] | None
) -> tuple[Answer, str]:
    """The answer and its tag. The body of a 304 is the one that is known."""
    try:
        connection.request("GET", question.path, headers={"If-None-Match": known[0]} if known else {})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return Answer(question, asked_s, time.time(), _why(error)), ""
    kind = str(response.status)
    if response.status == 304 and known is not None:
        return Answer(question, asked_s, time.time(), kind, known[1]), ""
    if response.headers.get_content_type() == "application/problem+json":
        kind += f" {json.loads(body)['title']}"
    etag = response.headers.get("ETag", "") if response.status == 200 else ""
    return Answer(question, asked_s, time.time(), kind, body), etag


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"{NO_ANSWER}: refused"
    return f"{NO_ANSWER}: {'timeout' if isinstance(error, socket.timeout) else 'connection lost'}"
