"""Explicit-state search: visits every reachable state of a model, breadth first, with its trace.

So the first problem found has a shortest trace. Knows nothing of lakes.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

S = TypeVar("S")


class Step(NamedTuple, Generic[S]):
    """One atomic step: who does what, the state after it, and its problem (None: it is fine)."""

    actor: str
    action: str
    after: S
    problem: str | None


class Model(Protocol[S]):
    """A model that can be searched."""

    def start(self) -> S:
        """The state in which everything begins."""

    def steps(self, state: S) -> Iterator[Step[S]]:
        """Every step that some process may take next: the scheduler is an adversary, all are tried."""

    def canonical(self, state: S) -> Hashable:
        """The same for states that differ only in what cannot matter (which of two equal processes is where)."""


@dataclass(frozen=True)
class Outcome:
    """The result of a search. `complete`: all reachable states were visited."""

    states: int
    seconds: float
    complete: bool
    problem: str | None = None
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.problem is None:
            return "safe" if self.complete else "nothing found, search not complete"
        lines = [f"{number:3}. {line}" for number, line in enumerate(self.trace, 1)]
        return "\n".join([*lines, f"  => {self.problem}"])


class _Arrival(NamedTuple):
    """How a state was first reached: the index of the state before it, and the step from there."""

    before: int
    actor: str
    action: str


Prologue = Sequence[tuple[str, str]]
"""Actors and parts of what they do, in order."""


def explore(model: Model[S], max_states: int, prologue: Prologue = ()) -> Outcome:
    """Breadth first until a problem, the end, or `max_states`; with a `prologue`, from where that leads only."""
    collecting = gc.isenabled()
    gc.disable()  # states are tuples without cycles: looking for some, again and again, is a fifth of the time
    try:
        return _explore(model, max_states, prologue)
    finally:
        if collecting:
            gc.enable()


def _explore(model: Model[S], max_states: int, prologue: Prologue) -> Outcome:
    began = time.perf_counter()
    arrivals = [_Arrival(-1, "", "")]
    start = model.start()
    for actor, action in prologue:
        step = _step_of(model, start, actor, action)
        arrivals.append(_Arrival(len(arrivals) - 1, step.actor, step.action))
        start = step.after
    seen = {model.canonical(start)}
    frontier = deque([(len(arrivals) - 1, start)])
    while frontier:
        index, state = frontier.popleft()
        for actor, action, after, problem in model.steps(state):
            if problem is not None:
                trace = (*_trace(arrivals, index), f"{actor}: {action}")
                return Outcome(len(seen), time.perf_counter() - began, False, problem, trace)
            key = model.canonical(after)
            if key not in seen:
                seen.add(key)
                frontier.append((len(arrivals), after))
                arrivals.append(_Arrival(index, actor, action))
        if len(seen) > max_states:
            break
    return Outcome(len(seen), time.perf_counter() - began, not frontier)


def _step_of(model: Model[S], state: S, actor: str, action: str) -> Step[S]:
    for step in model.steps(state):
        if step.actor == actor and action in step.action and step.problem is None:
            return step
    raise ValueError(f"{actor} cannot take the step {action!r} now")


def _trace(arrivals: list[_Arrival], index: int) -> Iterator[str]:
    steps = []
    while index > 0:
        before, actor, action = arrivals[index]
        steps.append(f"{actor}: {action}")
        index = before
    return reversed(steps)
