"""Shrinks a failing scenario: fewer actors, messages and faults, a shorter trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.verification.simulation.run import Outcome, run
from tests.verification.simulation.scenario import Scenario


def shrink(scenario: Scenario, max_runs: int = 400) -> tuple[Scenario, Outcome]:
    """A scenario that fails too, and how. Within `max_runs` runs."""
    outcome = run(scenario)
    if not outcome.violations:
        raise ValueError("the scenario does not fail")
    runs = max_runs
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(scenario, outcome):
            if runs == 0:
                return scenario, outcome
            runs -= 1
            tried = run(smaller)
            if tried.violations and len(tried.trace) <= len(outcome.trace):
                scenario, outcome, progress = smaller, tried, True
                break
    return scenario, outcome


def _smaller(scenario: Scenario, outcome: Outcome) -> Iterator[Scenario]:
    """Scenarios that are smaller, the boldest first."""
    for name in ("writers", "compactors", "collectors", "readers", "messages", "flights"):
        count = getattr(scenario, name)
        floor = 0 if name == "collectors" else 1
        for fewer in sorted({floor, count // 2, count - 1}):
            if floor <= fewer < count:
                yield _changed(scenario, name, fewer)
    if scenario.outages:
        yield replace(scenario, outages=())
    for name in ("fault_rate", "kill_rate", "slow_rate", "stop_rate", "store_jitter_s", "skew_h", "rewrite_rate"):
        if getattr(scenario, name):
            yield _changed(scenario, name, 0.0)
    if scenario.duration_s > 5:
        yield replace(scenario, duration_s=scenario.duration_s / 2)
    fired = list(outcome.fired)
    size = max(1, len(fired) // 2)
    while fired:
        for start in range(0, len(fired), size):
            yield replace(scenario, only_faults=frozenset(fired[:start] + fired[start + size :]))
        if size == 1:
            return
        size //= 2


def _changed(scenario: Scenario, name: str, value: float) -> Scenario:
    changes: dict[str, Any] = {name: value}
    return replace(scenario, **changes)
