"""What a fault cost: requests of its window, lost ones, and the time until all was well again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.verification.soak.faults import Fault
from tests.verification.soak.load import Answer

ALLOWED_AFTER_S: Final = 20.0
"""For so long after a fault answers may still be lost to it."""

COUNTED_S: Final = 10.0
"""Requests are counted for so long, though all is well before."""

FRESH_S: Final = 10.0
"""Twice the age of a batch: an event that is published longer ago is in every answer."""


@dataclass(frozen=True)
class Window:
    """One time that a fault happened. `until_s` is when the next one began, or the load ended.

    A killed process is at work again at its end.
    """

    fault: Fault
    began_s: float
    ended_s: float
    until_s: float = 0.0

    @property
    def recovers_from_s(self) -> float:
        """From the death of a killed process on, else from the end of the fault on."""
        return self.began_s if self.fault.kills else self.ended_s

    def explains(self, answer: Answer) -> bool:
        """Whether this fault is meant to cost this answer."""
        is_then = self.began_s <= answer.done_s and answer.asked_s <= self.ended_s + ALLOWED_AFTER_S
        return is_then and answer.kind.startswith(self.fault.may_lose)


@dataclass(frozen=True)
class Cost:
    """Of all windows of one fault. Recovery times are of the worst."""

    fault: Fault
    requests: int
    lost: int
    kinds: Counter[str] = field(default_factory=Counter)
    good_after_s: float = 0.0
    """Until the first good answer after the last one that was lost."""
    fresh_after_s: float = 0.0
    """Until no answer missed what was published `FRESH_S` before, and every message of then was stored."""


class Stale:
    """When answers were behind: by the newest event in them, and by messages not yet stored."""

    def __init__(self, ages: Sequence[tuple[float, float]], late: Sequence[tuple[float, float]]) -> None:
        """`ages`: when an answer ended, and the age of its newest event.

        `late`: from when to when a message was not stored though it had been published `FRESH_S` before.
        """
        self._behind = [(done_s, done_s) for done_s, age_s in ages if age_s > FRESH_S]
        self._behind += late

    def last_in(self, began_s: float, until_s: float) -> float:
        """The last moment at which they were; `began_s` for never."""
        return max(
            (min(to_s, until_s) for from_s, to_s in self._behind if from_s < until_s and to_s > began_s),
            default=began_s,
        )


def cost(windows: Sequence[Window], answers: Sequence[Answer], stale: Stale) -> Cost:
    """Of these windows, which are of one fault."""
    requests = lost = 0
    kinds: Counter[str] = Counter()
    goods, freshes = [0.0], [0.0]
    for window in windows:
        inside = [answer for answer in answers if window.began_s <= answer.asked_s < window.until_s]
        good_s = max(window.recovers_from_s, _good_again_s(inside, answers, window.began_s))
        fresh_s = max(window.recovers_from_s, stale.last_in(window.began_s, window.until_s))
        over_s = max(window.began_s + COUNTED_S, window.ended_s, good_s, fresh_s)
        counted = [answer for answer in inside if answer.asked_s <= over_s]
        requests += len(counted)
        lost += sum(answer.is_lost for answer in counted)
        kinds.update(answer.kind for answer in counted)
        goods.append(good_s - window.recovers_from_s)
        freshes.append(fresh_s - window.recovers_from_s)
    return Cost(windows[0].fault, requests, lost, kinds, max(goods), max(freshes))


def _good_again_s(inside: Sequence[Answer], answers: Sequence[Answer], began_s: float) -> float:
    """When the first good answer came after the last lost one; `began_s` if none was lost."""
    lost_s = max((answer.asked_s for answer in inside if answer.is_lost), default=None)
    if lost_s is None:
        return began_s
    return min((a.done_s for a in answers if not a.is_lost and a.asked_s > lost_s), default=float("inf"))
