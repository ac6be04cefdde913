"""A small script of events with a kill before and after each operation, or at each pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.verification.simulation.run import run
from tests.verification.simulation.scenario import Scenario

SCRIPT = Scenario(
    seed=2013,
    writers=2,
    compactors=1,
    readers=1,
    messages=5,
    flights=2,
    duration_s=4.0,
    round_s=1.0,
    pace_s=0.05,
    page_size=2,
    batch_max_age_s=0.5,
    ack_deadline_s=10.0,
)
"""Two writers, a compactor that collects, a reader; nothing goes wrong but the kills."""


def single_kills(script: Scenario = SCRIPT) -> Iterator[Scenario]:
    """The script with one kill, at each of its points."""
    for point in range(len(run(script).points)):
        yield replace(script, kill_at=frozenset({point}))


def pairs_from(first: int, script: Scenario = SCRIPT) -> Iterator[Scenario]:
    """The script with a kill at the point `first`, and a second one at each of those that follow."""
    once = replace(script, kill_at=frozenset({first}))
    for second in range(first + 1, len(run(once).points)):
        yield replace(script, kill_at=frozenset({first, second}))
