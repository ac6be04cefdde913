"""Why months are rebased: a slow month next to a fast one, on a fair schedule.

Two compactors are each busy with one month whose tail never ends. After a merge, a compactor tries
to create the next snapshot. If it lost that number to the other one it lists again, and either
keeps its merged month or merges again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Commits:
    """How many commits each month got, and how many times a merge was thrown away."""

    committed: Counter[str]
    redone: Counter[str]


def simulate(merge_s: dict[str, float], run_s: float, rebase: bool, list_s: float = 0.02) -> Commits:
    """A compactor a month, all started at once; `list_s` is what listing and reading the latest snapshot takes.

    No other process changes a compactor's month, so `rebase` always keeps its merge.
    """
    committed: Counter[str] = Counter()
    redone: Counter[str] = Counter()
    latest = 0
    attempts = [(list_s + seconds, month, latest) for month, seconds in merge_s.items()]
    heapq.heapify(attempts)
    while attempts[0][0] <= run_s:
        now, month, base = heapq.heappop(attempts)
        if base == latest:
            latest += 1
            committed[month] += 1
            following = list_s + merge_s[month]
        elif rebase:
            following = list_s
        else:
            redone[month] += 1
            following = list_s + merge_s[month]
        heapq.heappush(attempts, (now + following, month, latest))
    return Commits(committed, redone)
