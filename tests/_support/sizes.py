"""The sizes of the verifications in `make test` (short) and `make verify` (long), and as options.

`make prove` has sizes of its own (tests/verification/campaign/campaigns.py): hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest


@dataclass(frozen=True)
class Size:
    """The numbers of `what`; the pytest option `option` sets another one."""

    option: str
    what: str
    gate: int
    long: int


SIZES: Final = {
    size.option: size
    for size in (
        Size("--seeds", "seeds of the simulation", 40, 1_000),
        Size("--real-seeds", "seeds of the simulation with real files and the real merge", 1, 20),
        Size("--pairs", "pairs of kills in the simulation", 5, 200),
        Size("--storage-seeds", "random runs over a storage that lies", 2, 20),
        Size("--messages", "mutated messages", 1_000, 10_000),
        Size("--questions", "fuzzed requests", 200, 1_000),
        Size("--kills", "kills and freezes of processes", 3, 20),
        Size("--soak-s", "seconds of load with faults", 0, 900),  # too long for `make test`: a minute with its ends
        Size("--live-s", "seconds of kills while engines count flights in the outside tables", 0, 600),
        Size("--flights", "real flights, of 336776, that the exactness tests replay", 2_000, 10_000),
        Size("--asked", "random questions about them, each several times, and about the DOT's files", 40, 1_000),
        Size("--asked-engines", "random questions asked of each engine that reads the outside tables", 25, 200),
        Size("--queries", "random queries of an analyst, over the dates that they need", 60, 500),
    )
}


def seeds(count: int) -> list[Any]:
    """For `parametrize`: the first is in the gate, those that follow are `long`."""
    return [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, count))]
