"""Probes a deploy: publishes an event, and the revision has to answer with it exactly once.

Each step has an expectation; the first that fails ends the probe with expected and actual result.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, Protocol

from probe.errors import ProbeFailedError
from probe.flight import DELAY_MINUTES, ProbeFlight
from probe.service import Answer, Service

_POLL_S = 0.5  # between two looks: a batch takes seconds, so half of one costs nothing that matters
_WAIT_S = 20.0  # of one request that waits in the service; it takes 30 at most
PROBLEM = "application/problem+json"


class Publishes(Protocol):
    """Sends a message; returns its id."""

    def publish(self, message: bytes) -> str: ...


class DeployProbe:
    """One probe of one revision. `within_s` bounds it all; `say` gets every step that passed."""

    def __init__(
        self,
        service: Service,
        publisher: Publishes,
        flight: ProbeFlight,
        within_s: float,
        say: Callable[[str], None],
    ) -> None:
        self._service = service
        self._publisher = publisher
        self._flight = flight
        self._within_s = within_s
        self._deadline = time.monotonic() + within_s
        self._say = say

    def run(self) -> None:
        """Returns when everything held. Raises ProbeFailedError."""
        self._starts()
        first = self._publisher.publish(self._flight.message())
        self._say(f"published {self._flight.flight_id}, tail number {self._flight.tail_number}, message {first}")
        self._appears()
        self._is_counted_once("once")
        self._comes_again(self._publisher.publish(self._flight.message()))
        self._is_counted_once("once after the same event came twice")
        self._is_left_out()
        self._refuses()
        if self._service.has_key:
            self._wants_a_key()

    def _starts(self) -> None:
        for path in ("/health", "/ready"):
            self._get(path, {})
        self._say("lives and is ready")

    def _appears(self) -> None:
        """Waits in the service, not here, and then compares every field that was published."""
        began = time.monotonic()
        answer = self._until(self._wait, lambda answer: answer.status == 200, "the flight that was published")
        seen = _data(answer)
        for name, sent in self._flight.event().items():
            _expect(_same(sent, seen.get(name)), f"{name} to be {sent!r} as published", answer)
        _expect(seen.get("departure_delay_minutes") == DELAY_MINUTES, f"a delay of {DELAY_MINUTES} minutes", answer)
        self._say(f"visible after {time.monotonic() - began:.1f} s, every field as published")

    def _wait(self) -> Answer:
        wait_s = round(min(_WAIT_S, max(0.1, self._deadline - time.monotonic())), 1)
        parameters = {"min_event_time": self._flight.event()["event_time"], "wait_s": str(wait_s)}
        return self._service.get(self._path(), parameters, timeout_s=wait_s + 15.0)

    def _comes_again(self, message_id: str) -> None:
        """The second copy is published later, so it is the newer one: it has arrived when it is the source."""

        def arrived(answer: Answer) -> bool:
            source = _data(answer).get("source") if answer.status == 200 else None
            return isinstance(source, dict) and source.get("message_id") == message_id

        self._until(lambda: self._service.get(self._path()), arrived, f"message {message_id} as the flight's source")
        self._say(f"the same event again, message {message_id}, has arrived")

    def _is_counted_once(self, how: str) -> None:
        answer = self._get("/v1/stats", {"carrier": "ZZ", **self._only_it()})
        row = self._row(answer)
        expected = {"flights": 1, "departed": 1, "arrived": 0, "cancelled": 0, "departure_delay_mean": DELAY_MINUTES}
        for name, value in expected.items():
            _expect(row.get(name) == value, f"{name} = {value} in the statistics of ZZ", answer)
        self._say(f"statistics of carrier ZZ count it {how}")

    def _is_left_out(self) -> None:
        answer = self._get("/v1/stats", self._only_it())
        _expect(self._row(answer).get("flights") == 0, "users' statistics to leave it out", answer)
        answer = self._get("/v1/flights", self._only_it())
        _expect(_data(answer) == [], "users' flights to leave it out", answer)
        self._say("users' answers leave it out")

    def _refuses(self) -> None:
        wrong = self._service.get("/v1/stats", {"date_from": "yesterday"})
        for answer, status in ((wrong, 422), (self._service.get("/v1/nothing"), 404)):
            _expect(answer.status == status, f"status {status}", answer)
            _expect(answer.media_type == PROBLEM, f"{PROBLEM}, not {answer.media_type}", answer)
            _expect(answer.json().get("status") == status, f"a problem document with status {status}", answer)
        _expect("date_from" in wrong.body, "the problem to name the parameter date_from", wrong)
        self._say("refuses with problem documents that name the parameter")

    def _wants_a_key(self) -> None:
        """A probe has a key where the revision must require one: access without it is a failure."""
        stranger = self._service.without_key()
        answer = self._until(lambda: stranger.get("/v1/lake"), lambda a: 0 < a.status < 500, "an answer")
        refused = answer.status == 401 and answer.media_type == PROBLEM  # by the API, not by what is before it
        _expect(refused, "status 401 with a problem document without an API key", answer)
        self._say("refuses requests without an API key")

    def _path(self) -> str:
        return f"/v1/flights/{self._flight.flight_id}"

    def _only_it(self) -> dict[str, str | int]:
        date = self._flight.flight_date.isoformat()
        return {
            "tail_number": self._flight.tail_number,
            "origin": self._flight.origin,
            "date_from": date,
            "date_to": date,
        }

    def _row(self, answer: Answer) -> dict[str, Any]:
        rows = _data(answer)
        _expect(isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], dict), "one row", answer)
        row: dict[str, Any] = rows[0]
        return row

    def _get(self, path: str, parameters: dict[str, str | int]) -> Answer:
        """A 200. Retries temporary failures (429, 503, no answer) until the time is over."""
        return self._until(lambda: self._service.get(path, parameters), lambda a: a.status == 200, f"200 at {path}")

    def _until(self, ask: Callable[[], Answer], done: Callable[[Answer], bool], what: str) -> Answer:
        while True:
            answer = ask()
            if done(answer):
                return answer
            final = 400 <= answer.status < 500 and answer.status not in (404, 429)
            if final or time.monotonic() > self._deadline:
                when = "" if final else f" within {self._within_s:g} s"
                raise ProbeFailedError(f"expected {what}{when}; saw {answer}")
            time.sleep(_POLL_S)


def _data(answer: Answer) -> Any:
    body = answer.json()
    _expect(isinstance(body, dict) and "data" in body, "an object with `data`", answer)
    return body["data"]


def _same(sent: str | int, seen: object) -> bool:
    """Equal; moments also when they are written differently."""
    if sent == seen:
        return True
    if not isinstance(sent, str) or not isinstance(seen, str):
        return False
    try:
        return dt.datetime.fromisoformat(sent) == dt.datetime.fromisoformat(seen)
    except (ValueError, TypeError):
        return False


def _expect(holds: bool, what: str, answer: Answer) -> None:
    if not holds:
        raise ProbeFailedError(f"expected {what}; saw {answer}")
