"""An incident, modelled by minute: each metric that the dashboard asks for.

A bad revision takes the traffic for 25 minutes: its answers are slow, and 6 % of them are 5xx.
Later the writer stops for 15 minutes: canaries are not visible and the subscription's backlog
grows, until the writer is back and has caught up. Latencies are lognormal, so shares and
percentiles agree; messages wait in a queue, so backlog, age and canaries agree.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

MINUTES: Final = 180
BEGIN: Final = dt.datetime(2026, 3, 3, 13, tzinfo=dt.UTC)
BAD_REVISION: Final = range(30, 55)
STOPPED_WRITER: Final = range(95, 110)
GOALS: Final = {"availability": 0.9995, "latency": 0.90, "freshness": 0.995}
"""Of terraform/main/slo.tf, which a test compares."""
SAYS: Final = (
    "13:30 a bad revision takes the traffic, 13:55 the old one has it back; "
    "14:35 the writer stops, 14:50 it is back and catches up"
)

_BEFORE = 60  # minutes before the picture, for sums over an hour, and until the queue is steady
_GETS, _MESSAGES = 600, 720  # a minute
_MOST_ACKED = 2400  # a minute, of a writer that catches up
_LEFT_BEFORE = {"availability": 0.78, "latency": 0.83, "freshness": 0.74}  # of the budgets
_OBJECTIVE_DAYS = 28
_CANARY_GIVES_UP_S = 30.0
_COMPACTED_EVERY_MIN = 5
_SEED = 7
Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Metric:
    """Values by minute, from an hour before BEGIN; those of a counter are what a minute counted."""

    unit: str
    values: Values
    counts: bool = False


@dataclass
class _Minutes:
    """What happened, by minute."""

    gets: list[int]
    bad: list[int]
    slow: list[int]
    percentiles: dict[int, list[float]]
    published: list[int]
    acked: list[int]
    oldest_s: list[float]


def metrics() -> dict[str, Metric]:
    """All metrics by name. A percentile or a label's value follows the name after a space."""
    chance = random.Random(_SEED)
    seen = _queue(_api(chance), chance)
    return _of_api(seen, chance) | _of_pipeline(seen, chance)


def _times() -> range:
    return range(-_BEFORE, MINUTES + 1)


def _api(chance: random.Random) -> _Minutes:
    seen = _Minutes([], [], [], {50: [], 95: [], 99: []}, [], [], [])
    for minute in _times():
        hurt = minute in BAD_REVISION
        median_ms, spread = (700.0, 0.8) if hurt else (60.0, 1.0)
        lognormal = NormalDist(math.log(median_ms * chance.gauss(1, 0.03)), spread)
        gets = round(_GETS * (1 + 0.08 * math.sin(minute / 50)) + chance.gauss(0, 12))
        bad = _hits(chance, gets, 0.06 if hurt else 0.0001)
        seen.gets.append(gets)
        seen.bad.append(bad)
        seen.slow.append(_hits(chance, gets - bad, 1 - lognormal.cdf(math.log(500))))
        for percent, values in seen.percentiles.items():
            values.append(math.exp(lognormal.inv_cdf(percent / 100)))
    return seen


def _hits(chance: random.Random, of: int, share: float) -> int:
    return sum(chance.random() < share for _ in range(of))


def _queue(seen: _Minutes, chance: random.Random) -> _Minutes:
    backlog = 0
    for minute in _times():
        published = round(_MESSAGES * (1 + 0.1 * math.sin(minute / 40 + 1)) + chance.gauss(0, 20))
        in_flight = published // 10  # a batch waits for five seconds, and is written in one
        backlog += published
        acked = 0 if minute in STOPPED_WRITER else min(_MOST_ACKED, max(0, backlog - in_flight))
        backlog -= acked
        seen.published.append(published)
        seen.acked.append(acked)
        seen.oldest_s.append(_oldest_s(backlog, seen.published))
    return seen


def _oldest_s(backlog: int, published: Sequence[int]) -> float:
    """The age of the first of the last `backlog` messages."""
    age_s = 0.0
    for of_minute in reversed(published):
        if backlog <= of_minute:
            return age_s + 60 * backlog / of_minute
        backlog -= of_minute
        age_s += 60
    return age_s


def _of_api(seen: _Minutes, chance: random.Random) -> dict[str, Metric]:
    answered = [gets - bad for gets, bad in zip(seen.gets, seen.bad, strict=True)]
    run = "run.googleapis.com"
    hurt = [minute in BAD_REVISION for minute in _times()]
    return {
        **_objective("availability", seen.gets, seen.bad),
        **_objective("latency", answered, seen.slow),
        "logging.googleapis.com/user/flights_gets_total": Metric("", tuple(seen.gets), counts=True),
        "logging.googleapis.com/user/flights_gets_bad": Metric("", tuple(seen.bad), counts=True),
        **{f"{run}/request_latencies p{p}": Metric("ms", tuple(v)) for p, v in seen.percentiles.items()},
        f"{run}/container/memory/utilizations p99": Metric("%", _noisy(chance, hurt, 0.46, 0.61)),
        f"{run}/container/cpu/utilizations p99": Metric("%", _noisy(chance, hurt, 0.33, 0.87)),
    }


def _noisy(chance: random.Random, hurt: Sequence[bool], usual: float, then: float) -> Values:
    return tuple((then if now else usual) * chance.gauss(1, 0.03) for now in hurt)


def _objective(name: str, total: Sequence[int], bad: Sequence[int]) -> dict[str, Metric]:
    """Health of each minute, and the budget left of 28 days, which a usual minute leaves behind."""
    allowed = (1 - GOALS[name]) * _OBJECTIVE_DAYS * 24 * 60 * sum(total) / len(total)
    left = _LEFT_BEFORE[name]
    usual = (1 - left) * allowed / (_OBJECTIVE_DAYS * 24 * 60)
    lefts = []
    for now in bad:
        left -= (now - usual) / allowed
        lefts.append(left)
    health = tuple(1 - wrong / of for of, wrong in zip(total, bad, strict=True))
    return {f"slo_health {name}": Metric("%", health), f"slo_budget_fraction {name}": Metric("%", tuple(lefts))}


def _of_pipeline(seen: _Minutes, chance: random.Random) -> dict[str, Metric]:
    canary_s = [_canary_s(minute, oldest_s, chance) for minute, oldest_s in zip(_times(), seen.oldest_s, strict=True)]
    bad = [
        int(
            seconds >= _CANARY_GIVES_UP_S or (minute in BAD_REVISION and chance.random() < 1 - 0.94**3)
        )  # of three GETs
        for minute, seconds in zip(_times(), canary_s, strict=True)
    ]
    ours, jobs = "logging.googleapis.com/user/flights", "run.googleapis.com/job/completed_execution_count"
    return {
        **_objective("freshness", [1] * len(bad), bad),
        "pubsub.googleapis.com/topic/send_message_operation_count": Metric("", tuple(seen.published), counts=True),
        "pubsub.googleapis.com/subscription/ack_message_count": Metric("", tuple(seen.acked), counts=True),
        "pubsub.googleapis.com/subscription/oldest_unacked_message_age": Metric("s", tuple(seen.oldest_s)),
        f"{ours}_freshness_seconds": Metric("s", tuple(canary_s)),
        **{f"{ours}_{name}": Metric("", values) for name, values in _files(seen, chance).items()},
        f"{jobs} flights-canary succeeded": Metric("", _each(lambda _: 1.0), counts=True),
        f"{jobs} flights-compactor succeeded": Metric("", _each(_when_compacted(lambda _: 1.0)), counts=True),
    }


def _canary_s(minute: int, oldest_s: float, chance: random.Random) -> float:
    asking_s = 1.4 if minute in BAD_REVISION else 0.4
    return min(_CANARY_GIVES_UP_S + asking_s, oldest_s + asking_s + chance.uniform(0.5, 2.5))


def _files(seen: _Minutes, chance: random.Random) -> dict[str, Values]:
    """A batch has two flight dates, or more when it catches up; a compaction absorbs what it saw."""
    objects: list[float | None] = []
    tail: list[float] = []
    files = 0.0
    for minute, acked in zip(_times(), seen.acked, strict=True):
        a_batch = (3.6 if acked > 1.5 * _MESSAGES else 2.0) + chance.uniform(-0.2, 0.2)
        objects.append(a_batch if acked else None)  # no batch, no line
        landed = 12 * a_batch if acked else 0.0
        files = landed / 2 if minute % _COMPACTED_EVERY_MIN == 0 else files + landed
        tail.append(round(files))
    return {
        "batch_objects": tuple(objects),
        "tail_files": tuple(tail),
        "pending_files": _each(_when_compacted(lambda minute: tail[minute + _BEFORE])),
        "rejected_files": _each(lambda _: 3.0),
        "unreadable": _each(lambda _: 0.0),
        "not_merged": _each(_when_compacted(lambda _: 0.0)),
    }


def _each(value: Callable[[int], float | None]) -> Values:
    return tuple(value(minute) for minute in _times())


def _when_compacted(value: Callable[[int], float]) -> Callable[[int], float | None]:
    return lambda minute: value(minute) if minute % _COMPACTED_EVERY_MIN == 0 else None
