"""Rounds: both sides in turn, in alternating order, so that drift affects both alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def interleaved(sides: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 0) -> dict[str, list[float]]:
    """What each side returned, by round; the first `warm_up` rounds are left out."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(warm_up + rounds):
        order = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in order:
            value = sides[name]()
            if number >= warm_up:
                found[name].append(value)
    return found
