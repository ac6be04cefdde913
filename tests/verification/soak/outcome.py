"""What a soak found, and whether that is good enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.verification.soak.cost import Cost
from tests.verification.soak.usage import Third

FLAT: Final = 1.10
"""The last third's median memory over the second's, at most."""

_FOOTERS_MB: Final = {"api": 20.0}
"""And so much more: DuckDB keeps the footer of each file that it has read, 33 kB, until its memory is full."""

FLAT_FROM_S: Final = 300.0
"""A shorter soak still fills its caches."""

_MORE: Final = 5  # descriptors and threads: so many may just be in use
_RECOVERS_WITHIN_S: Final = 30.0
_QUIET: Final = 0.2
_SHOWN: Final = 5


@dataclass(frozen=True)
class Outcome:
    """`thirds`: the second and the last of each process; None where it was not one process."""

    commit: str
    seed: str
    seconds: float
    capacity_per_s: float
    rate_per_s: float
    events_per_s: float
    disk_is_real: bool
    others_share: float
    """Of the machine's CPU, taken by other work."""
    kinds: Counter[str]
    costs: tuple[Cost, ...]
    thirds: dict[str, tuple[Third | None, Third | None]]
    wrong: tuple[str, ...]
    wrong_count: int
    unexpected: tuple[str, ...]
    """Lost answers that no fault explains."""

    @property
    def answers(self) -> int:
        return self.kinds.total()

    def failures(self) -> list[str]:
        """Empty when all is well."""
        found = [*self._wrong(), *self._lost(), *self._not_recovered(), *self._not_flat()]
        if found and self.others_share > _QUIET:
            found.append(f"other work took {self.others_share:.0%} of the machine: its times say little; run it again")
        return found

    def _wrong(self) -> Iterator[str]:
        if self.wrong_count:
            yield f"{self.wrong_count} wrong answers: {'; '.join(self.wrong[:_SHOWN])}"

    def _lost(self) -> Iterator[str]:
        if self.unexpected:
            yield f"{len(self.unexpected)} lost without a reason: {'; '.join(self.unexpected[:_SHOWN])}"

    def _not_recovered(self) -> Iterator[str]:
        for cost in self.costs:
            if max(cost.good_after_s, cost.fresh_after_s) > _RECOVERS_WITHIN_S:
                times = f"good after {cost.good_after_s:.1f} s, fresh after {cost.fresh_after_s:.1f} s"
                yield f"{cost.fault.name}: {times}; {_RECOVERS_WITHIN_S:.0f} s are allowed"

    def _not_flat(self) -> Iterator[str]:
        if self.seconds < FLAT_FROM_S:
            return
        for name, (second, last) in self.thirds.items():
            if second is None or last is None:
                yield f"{name}: not one process in the last two thirds"
                continue
            if last.memory_mb > FLAT * second.memory_mb + _FOOTERS_MB.get(name, 0.0):
                yield f"{name}: memory grew from {second.memory_mb:.0f} to {last.memory_mb:.0f} MB"
            if last.descriptors > second.descriptors + _MORE:
                yield f"{name}: descriptors grew from {second.descriptors:.0f} to {last.descriptors:.0f}"
            if last.threads > second.threads + _MORE:
                yield f"{name}: threads grew from {second.threads:.0f} to {last.threads:.0f}"
