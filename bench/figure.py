"""The result of a measure: both sides with their spreads, the ratio, and its goal."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of some values."""

    least: float
    median: float
    most: float
    values: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises ValueError when there are none: a measure without values is a mistake."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(min(values), statistics.median(values), max(values), len(values))


@dataclass(frozen=True)
class Goal:
    """A limit for a ratio (or, without a peer, for the value itself)."""

    limit: float
    at_least: bool = False

    def is_reached(self, ratio: float) -> bool:
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """One line of the table. `theirs` is None where the other side is a limit that we set."""

    measure: str
    what: str
    unit: str
    ours: Spread
    peer: str
    theirs: Spread | None
    ratio: Spread
    """Of each round by itself, so that a machine that slows down meanwhile slows both of its sides."""
    goal: Goal | None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """None: nothing was promised."""
        return None if self.goal is None else self.goal.is_reached(self.ratio.median)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value at 1-based rank (p*n + 99) div 100 of the sorted ones."""
    ordered = sorted(values)
    return ordered[(percent * len(ordered) + 99) // 100 - 1]


def ratios(upper: Sequence[float], lower: Sequence[float]) -> Spread:
    """Round by round."""
    return Spread.of([u / lo for u, lo in zip(upper, lower, strict=True)])


def compared(
    measure: str,
    what: str,
    unit: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    goal: Goal | None,
    note: str = "",
    *,
    times_better: bool = False,
) -> Figure:
    """A figure of two sides, measured in the same rounds; its ratio is ours by theirs, or the other way round."""
    ratio = ratios(theirs, ours) if times_better else ratios(ours, theirs)
    return Figure(measure, what, unit, Spread.of(ours), peer, Spread.of(theirs), ratio, goal, note)


def bounded(
    measure: str, what: str, unit: str, ours: Sequence[float], bound: float, goal: Goal | None, note: str = ""
) -> Figure:
    """A figure whose ratio is ours by a bound that was computed."""
    ratio = Spread.of([value / bound for value in ours])
    return Figure(measure, what, unit, Spread.of(ours), f"{bound:.6g} {unit}".strip(), None, ratio, goal, note)
