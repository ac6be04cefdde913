"""Many clients at once: closed (each asks when answered) or open (at a fixed rate)."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.http import Answer, Client

_WORKERS = 160  # of an open crowd: more than a full queue holds, so that arrivals never wait for answers


def closed_crowd(url: str, path: str, clients: int, seconds: float) -> list[Answer]:
    """What `clients` got that ask again as soon as they are answered."""
    until = time.monotonic() + seconds
    start = threading.Barrier(clients)

    def ask(_: int) -> list[Answer]:
        client = Client(url)
        start.wait()
        answers = []
        while time.monotonic() < until:
            answers.append(client.get(path))
        client.close()
        return answers

    return _all(ask, clients)


def open_crowd(url: str, path: str, per_s: float, seconds: float) -> tuple[list[Answer], float]:
    """What was answered to questions that arrive at a rate, and the rate at which they really were sent."""
    return paced_crowd(url, lambda _: lambda client: client.get(path), _WORKERS, per_s, seconds)


def paced_crowd(
    url: str, asker: Callable[[int], Callable[[Client], Answer]], clients: int, per_s: float, seconds: float
) -> tuple[list[Answer], float]:
    """The same of so many clients, who are late when all of them wait. `asker` of a number: how that client asks."""
    arrivals = itertools.count()
    lock = threading.Lock()
    began = last_sent = time.monotonic()

    def ask(number: int) -> list[Answer]:
        nonlocal last_sent
        client = Client(url)
        answers: list[Answer] = []
        get = asker(number)
        while True:
            with lock:
                due = began + next(arrivals) / per_s
            if due > began + seconds:
                client.close()
                return answers
            time.sleep(max(0.0, due - time.monotonic()))
            last_sent = max(last_sent, time.monotonic())
            answers.append(get(client))

    answers = _all(ask, clients)
    return answers, len(answers) / max(last_sent - began, seconds)


def _all(ask: Callable[[int], Sequence[Answer]], clients: int) -> list[Answer]:
    with ThreadPoolExecutor(clients) as pool:
        return [answer for answers in pool.map(ask, range(clients)) for answer in answers]
