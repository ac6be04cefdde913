"""A small script of events with a kill before and after each operation, or at each pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


_READS = ("list", "read", "generation")


def follows_a_change(point: str) -> bool:
    """Whether the one that dies has just changed something. Else all others see what they saw after its last change:
    only the moment is another.
    """
    side, operation = point.split()[:2]
    return side == "after" and operation not in _READS


def single_kills(is_chosen: Callable[[str], bool] = lambda _: True, script: Scenario = SCRIPT) -> Iterator[Scenario]:
    """The script with one kill, at each of its points that `is_chosen` takes."""
    for point, where in enumerate(run(script).points):
        if is_chosen(where):
            yield replace(script, kill_at=frozenset({point}))


def pairs_from(first: int, script: Scenario = SCRIPT) -> Iterator[Scenario]:
    """The script with a kill at the point `first`, and a second one at each of those that follow."""
    once = replace(script, kill_at=frozenset({first}))
    for second in range(first + 1, len(run(once).points)):
        yield replace(script, kill_at=frozenset({first, second}))
