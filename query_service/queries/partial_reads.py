"""Keeps the parts that a reader fetches those of one answer, while the lake moves on.

Readers of Parquet fetch the end of an answer, then the columns that they need. DuckDB looks whether
all of it has one tag; others (Polars) send no tag and look at none: to them the parts of two answers
would look like one file. Their next parts come from the answer of their first one while that is
kept, and are refused afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lakehouse.bounded_lru import BoundedLRU
from lakehouse.table.planner import Plan
from query_service.errors import answer_changed_error
from query_service.representation.ranges import PartialRead

_REMEMBERED: Final = 30
"""Times `hold_s`: later, a part that nobody begins with is taken for one of a new reader."""


@dataclass(frozen=True)
class _Reading:
    tag: str
    plan: Plan
    at_s: float


class PartialReads:
    """Which answer each reader reads. For one event loop; not thread-safe."""

    def __init__(self, max_readers: int, hold_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Within `hold_s` after its last part a reader that begins again is given the same answer too."""
        self._readings: BoundedLRU[tuple[str, str], _Reading] = BoundedLRU(max_readers)
        self._hold_s = hold_s
        self._clock = clock

    def choose(
        self, read: PartialRead, request: str, tag: str, plan: Plan, kept: Callable[[str], bool]
    ) -> tuple[str, Plan]:
        """Tag and plan of the answer that a part has to come from: the current one, or that of the parts before.

        `tag` and `plan` are the current ones. Raises ProblemError (412) when the answer before is not kept any more.
        """
        key, now_s = (read.reader, request), self._clock()
        before = self._readings.get(key)
        if before is not None and read.range is not None and before.tag != tag:
            age_s, begins = now_s - before.at_s, read.range.is_beginning
            if age_s < self._hold_s * (1 if begins else _REMEMBERED):
                if kept(before.tag):
                    return before.tag, before.plan
                if not begins:
                    raise answer_changed_error()
        self._readings.put(key, _Reading(tag, plan, now_s), 1)
        return tag, plan
