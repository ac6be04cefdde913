"""Measures freshness as a user sees it: the time from publishing an event to its answer.

The events are the probe's canaries, many a minute, of the reserved carrier ZZ, which other answers
leave out.
"""

from __future__ import annotations

import datetime as dt
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from probe.canary import wait_until_visible
from probe.deployed import Publishes
from probe.flight import ProbeFlight, flight_of_number
from probe.publisher import Publisher
from probe.service import Service

_AT_ONCE = 32


@dataclass(frozen=True)
class Freshness:
    """Seconds from publishing to visible."""

    samples: int
    median_s: float
    p99_s: float
    worst_s: float


class Canaries:
    """Sends canaries at intervals while the block runs; call `freshness()` afterwards."""

    def __init__(self, topic: str, api_url: str, every_s: float = 1.0) -> None:
        self._topic = topic
        self._service = Service(api_url, {})
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canaries")
        self._results: list[Future[float]] = []

    def __enter__(self) -> Canaries:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def freshness(self) -> Freshness:
        """Raises ProbeFailedError when a canary could not be sent, or was not visible in time."""
        return freshness([result.result() for result in self._results])

    def _run(self) -> None:
        # The publisher is closed last: canaries that wait for a thread still need it.
        with Publisher(self._topic) as publisher, ThreadPoolExecutor(_AT_ONCE) as pool:
            number = 0
            while True:
                number = number % 9999 + 1
                self._results.append(pool.submit(self._measure, publisher, number))
                if self._stop.wait(self._every_s):
                    return

    def _measure(self, publisher: Publishes, number: int) -> float:
        return seconds_until_visible(self._service, publisher, flight_of_number(number, dt.datetime.now(dt.UTC)))


def seconds_until_visible(service: Service, publisher: Publishes, flight: ProbeFlight) -> float:
    """From publishing `flight` until the service answers with it. Raises ProbeFailedError."""
    began = time.monotonic()
    publisher.publish(flight.message())
    wait_until_visible(service, flight)
    return time.monotonic() - began


def freshness(seconds: Sequence[float]) -> Freshness:
    ordered = sorted(seconds)
    rank = (99 * len(ordered) + 99) // 100
    return Freshness(len(ordered), statistics.median(ordered), ordered[rank - 1], ordered[-1])
