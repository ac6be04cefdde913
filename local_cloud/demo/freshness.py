"""Freshness as a user sees it: how long from publishing an event until the API answers with it.

A canary is an event of the reserved carrier ZZ, which every other answer leaves out.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType

from google.cloud import pubsub_v1

_WAIT_S = 30.0
_AT_ONCE = 32


@dataclass(frozen=True)
class Freshness:
    """Seconds from publishing to visible."""

    samples: int
    median_s: float
    p99_s: float
    worst_s: float


class Canaries:
    """Sends a canary every so often while the block lasts; `freshness()` once it has ended."""

    def __init__(self, topic: str, api_url: str, every_s: float = 1.0) -> None:
        self._topic = topic
        self._api_url = api_url
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
        """Raises what sending or seeing any canary raised."""
        return freshness([result.result() for result in self._results])

    def _run(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool, closing(_Publisher()) as publisher:
            number = 0
            while True:
                number = number % 9999 + 1
                self._results.append(pool.submit(self._measure, publisher, number))
                if self._stop.wait(self._every_s):
                    return

    def _measure(self, publisher: _Publisher, number: int) -> float:
        now = dt.datetime.now(dt.UTC)
        began = time.monotonic()
        publisher.publish(self._topic, _event(number, now))
        query = urllib.parse.urlencode({"min_event_time": now.isoformat(), "wait_s": _WAIT_S})
        url = f"{self._api_url}/v1/flights/{now.date()}-ZZ-{number}-ZZZ?{query}"
        with urllib.request.urlopen(url, timeout=_WAIT_S + 10):
            return time.monotonic() - began


class _Publisher:
    def __init__(self) -> None:
        self._client = pubsub_v1.PublisherClient()

    def publish(self, topic: str, data: bytes) -> None:
        self._client.publish(topic, data).result(timeout=10.0)

    def close(self) -> None:
        self._client.stop()
        self._client.transport.close()


def freshness(seconds: Sequence[float]) -> Freshness:
    ordered = sorted(seconds)
    rank = (99 * len(ordered) + 99) // 100
    return Freshness(len(ordered), statistics.median(ordered), ordered[rank - 1], ordered[-1])


def _event(number: int, now: dt.datetime) -> bytes:
    event = {
        "flight_date": now.date().isoformat(),
        "carrier": "ZZ",
        "flight_number": number,
        "origin": "ZZZ",
        "destination": "ZZY",
        "scheduled_departure": now.isoformat(timespec="seconds"),
        "status": "scheduled",
        "event_time": now.isoformat(),
    }
    return json.dumps(event).encode()
