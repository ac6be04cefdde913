"""Measure 7: 32 clients; and overload: ten times as many questions as can be answered."""

from __future__ import annotations

import statistics
import threading
import time

from bench.crowd import closed_crowd, open_crowd
from bench.figure import Figure, Goal, Spread, bounded, percentile
from bench.http import Answer, answered
from bench.machine import resident_mb
from bench.question import thirty_days
from bench.rig import Api, Rig

_CLIENTS = 32
_QUEUE_LIMIT = 64  # API_QUEUE_LIMIT's default
_OVERLOAD = 10
_RECOVERY_S = 5.0
_MEMORY_GROWTH = 1.5


def measure_clients(rig: Rig) -> list[Figure]:
    """p99 of 32 clients against what waiting in turn costs: the unloaded p50 of the same round, 32 times by cores."""
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    path, api = thirty_days(lake).path(), rig.api(lake.url)
    cores = len(rig.cores.serving)
    p99s, bounds, count = [], [], 0
    for _ in range(rig.sizes.clients_rounds):
        bounds.append(_unloaded_ms(rig, api, path) * _CLIENTS / cores)
        answers = [answered(answer) for answer in closed_crowd(api.url, path, _CLIENTS, rig.sizes.clients_s)]
        p99s.append(percentile([answer.ms for answer in answers], 99))
        count += len(answers)
    ratio = Spread.of([p99 / bound for p99, bound in zip(p99s, bounds, strict=True)])
    peer = f"its unloaded p50 x {_CLIENTS} / {cores}"
    note = f"{count:,} answers, no error; {cores} cores serve"
    return [
        Figure("7", f"{_CLIENTS} clients, p99", "ms", Spread.of(p99s), peer, Spread.of(bounds), ratio, Goal(1.5), note)
    ]


def measure_overload(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    path, api = thirty_days(lake).path(), rig.api(lake.url)
    cores = len(rig.cores.serving)
    unloaded = _unloaded_ms(rig, api, path)
    closed_crowd(api.url, path, _CLIENTS, rig.sizes.clients_s / 2)  # memory as it is at work
    capacity = 1000 / unloaded * cores
    with _Memory(api.pid) as memory:
        answers, rate = open_crowd(api.url, path, capacity * _OVERLOAD, rig.sizes.overload_s)
    recovered_s = _recovered_s(api, path, 2 * unloaded)
    admitted = [answer.ms for answer in answers if answer.status == 200]
    others = [answer for answer in answers if answer.status not in (200, 503) or not _says_when(answer)]
    note = (
        f"{rate:,.0f} questions/s came, {rate / capacity:.1f} times the capacity; {len(admitted):,} answered,"
        f" {len(answers) - len(admitted):,} turned away (503 with Retry-After)"
    )
    bound = 2 * unloaded + unloaded * _QUEUE_LIMIT / cores
    return [
        bounded("overload", "p99 of the admitted", "ms", [percentile(admitted, 99)], bound, Goal(1), note),
        bounded("overload", "answered or failed otherwise", "answers", [float(len(others))], 1.0, Goal(0)),
        bounded("overload", "memory at its peak", "MB", [memory.peak_mb], memory.before_mb, Goal(_MEMORY_GROWTH)),
        bounded("overload", "until answered in twice the unloaded p50", "s", [recovered_s], _RECOVERY_S, Goal(1)),
    ]


def _unloaded_ms(rig: Rig, api: Api, path: str) -> float:
    client = api.client()
    taken = [answered(client.get(path)).ms for _ in range(rig.sizes.warm_up + max(5, rig.sizes.questions // 5))]
    return statistics.median(taken[rig.sizes.warm_up :])


def _says_when(answer: Answer) -> bool:
    return answer.status == 200 or "retry-after" in answer.headers


def _recovered_s(api: Api, path: str, within_ms: float) -> float:
    """Until three answers running are that fast."""
    client, began, fast = api.client(), time.monotonic(), 0
    while fast < 3:
        answer = client.get(path)
        fast = fast + 1 if answer.status == 200 and answer.ms <= within_ms else 0
        if time.monotonic() - began > 10 * _RECOVERY_S:
            break
    return time.monotonic() - began


class _Memory:
    """The largest memory of a process, sampled ten times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.before_mb = self.peak_mb = resident_mb(pid)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.peak_mb = max(self.peak_mb, resident_mb(self._pid))
