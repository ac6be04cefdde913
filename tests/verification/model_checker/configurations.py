"""The configurations: worlds in which the protocol is safe, and variants that must lose data.

The small ones are the gate; the big ones take minutes and some GB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tests.verification.model_checker.checker import Outcome, Prologue, explore
from tests.verification.model_checker.lake import Event, World
from tests.verification.model_checker.protocol import Protocol
from tests.verification.model_checker.rules import SPECIFIED, Rules


@dataclass(frozen=True)
class Configuration:
    """A world under rules. `problem`: a part of the expected finding; None when it must be safe."""

    name: str
    world: World
    rules: Rules = SPECIFIED
    problem: str | None = None
    prologue: Prologue = ()
    """Where a long story begins; everything that may follow is searched."""
    max_states: int = 5_000_000

    def search(self) -> Outcome:
        return explore(Protocol(self.world, self.rules), self.max_states, self.prologue)

    def as_expected(self, outcome: Outcome) -> bool:
        if self.problem is None:
            return outcome.complete and outcome.problem is None
        return outcome.problem is not None and self.problem in outcome.problem


_A, _B, _C, _D = (Event(name) for name in "abcd")
_OLDER_AND_NEWER: Final = (Event("a", 2), Event("a", 1))
_TWO: Final = World((_A, _B), 2)
_EXPIRED: Final = World((_A, _B, _C), 3, landed_at_start=True, merges="one", shortest_retention=True)
"""The smallest world with an expired number: snapshot 3 is the first that can expire snapshot 1."""
_EXPIRED_AND_MORE: Final = replace(_EXPIRED, events=(_A, _B, _C, _D))
"""One event more than the history can hold: absorbed only in an expired number is not absorbed."""

_ASLEEP: Final = (
    ("compactor 1", "lists landing"),
    ("compactor 1", "merges {a}"),
    ("compactor 2", "lists landing"),
    ("compactor 2", "merges {b}"),
    ("compactor 2", "creates snapshot 1"),
)
"""Compactor 1 falls asleep before it creates snapshot 1, which compactor 2 does."""
_ASLEEP_BY_NAME: Final = (
    ("compactor 1", "lists landing"),
    ("compactor 1", "looks for the latest snapshot: 0"),
    ("compactor 1", "merges {a}"),
    ("compactor 2", "lists landing"),
    ("compactor 2", "looks for the latest snapshot: 0"),
    ("compactor 2", "merges {b}"),
    ("compactor 2", "creates snapshot 1"),
    ("collector 1", "the latest is 1"),
)
"""The same where looking and reading are two steps; and a collector has looked, and not yet read."""
_ABOUT_TO_READ: Final = (
    *_ASLEEP_BY_NAME,
    ("collector 1", "reads snapshot 1"),
    ("collector 1", "deletes landed {b}"),
    ("reader", "lists landing"),
    ("reader", "looks for the latest snapshot: 1"),
)
"""And a reader has looked, after the collector did its work."""

_DATES: Final = World((Event("a"), Event("b", date=1)), 2)
_VOID: Final = (Event("a", 1), Event("a", 2, is_hidden=True), Event("b", date=1))

SAFE: Final = (
    Configuration("two flights, landing at any moment", _TWO),
    Configuration("an older and a newer event, in any order", replace(_TWO, events=_OLDER_AND_NEWER)),
    Configuration("landing listed in two pages, a reader", replace(_TWO, pages=(1, 2), compactors=1)),
    Configuration("landing listed in two pages, two compactors", replace(_TWO, pages=(1, 2), readers=0)),
    Configuration("two months", replace(_TWO, events=(_A, Event("b", month=1)), readers=0)),
    Configuration("two dates of a month, two compactors", replace(_DATES, readers=0)),
    Configuration("a flight is withdrawn, in any order", World(_VOID[:2], 2, readers=0)),
    Configuration("a withdrawn flight is restored", World((_VOID[1], Event("a", 3)), 2, readers=0)),
    Configuration(
        "two dates, and a flight that is withdrawn",
        World(_VOID, 3, readers=0, landed_at_start=True, merges="one", shortest_retention=True),
    ),
    Configuration("crashes", replace(_TWO, readers=0, crashes=True)),
    Configuration("crashes, a create of unknown outcome", replace(_TWO, compactors=1, crashes=True, unknown_creates=1)),
    Configuration("two collectors", replace(_TWO, readers=0, collectors=2)),
    Configuration("expired numbers", replace(_EXPIRED, readers=0)),
)

VARIANTS: Final = (
    Configuration(
        "a merge leaves the hidden side as it is",
        World((_VOID[1], Event("a", 3)), 2, readers=0),
        Rules(merges_both_sides=False),
        "in two files",
    ),
    Configuration(
        "a merge absorbs dates that it does not write",
        replace(_DATES, readers=0),
        Rules(absorbs_what_it_writes=False),
        "is neither in landing nor in a month file",
    ),
    Configuration(
        "a month is kept though other files of it have changed",
        replace(_DATES, readers=0, merges="one"),
        Rules(compares_whole_months=False),
        "does not contain",
    ),
    Configuration(
        "the reader looks for the snapshot before it lists landing",
        _TWO,
        Rules(lists_landing_first=False),
        "acked before its listing began",
    ),
    Configuration(
        "the tail overrides merged events",
        replace(_TWO, events=_OLDER_AND_NEWER),
        Rules(newest_wins=False),
        "acked before its listing began",
    ),
    Configuration(
        "orphans are deleted by age",
        replace(_EXPIRED, readers=0),
        Rules(collects_by_added_snapshot=False),
        "which is gone",
    ),
    Configuration(
        "landed files are collected by a snapshot under an expired number",
        replace(_EXPIRED_AND_MORE, readers=0),
        Rules(collects_by_the_history=False),
        "is neither in landing nor in a month file",
        _ASLEEP,
    ),
    Configuration(
        "the reader probes for n+1",
        _EXPIRED,
        Rules(lists_for_the_latest=False),
        "acked before its listing began",
        (("reader", "lists landing"), ("reader", "looks for the latest snapshot: 0"), *_ASLEEP),
    ),
    Configuration(
        "the reader reads by name what it listed a while ago",
        _EXPIRED,
        Rules(reads_what_was_listed=False),
        "acked before its listing began",
        _ABOUT_TO_READ,
    ),
    Configuration(
        "the collector reads by name what it listed a while ago",
        replace(_EXPIRED_AND_MORE, readers=0, collectors=2),
        Rules(reads_what_was_listed=False),
        "is neither in landing nor in a month file",
        _ASLEEP_BY_NAME,
    ),
)

BIG: Final = (
    Configuration(
        "big: three flights, expired numbers, any retention, a reader", replace(_EXPIRED, shortest_retention=False)
    ),
    Configuration(
        "big: three flights, expired numbers, any merges",
        replace(_EXPIRED, shortest_retention=False, merges="any", readers=0),
    ),
    Configuration("big: three flights, landing at any moment", replace(_EXPIRED, landed_at_start=False, readers=0)),
    Configuration("big: four flights, a compactor asleep, a reader", _EXPIRED_AND_MORE, prologue=_ASLEEP),
    Configuration("big: two months, a reader", replace(_TWO, events=(_A, Event("b", month=1)))),
    Configuration("big: crashes, a reader", replace(_TWO, crashes=True)),
    Configuration("big: a create of unknown outcome, a reader", replace(_TWO, unknown_creates=1)),
    Configuration(
        "big: crashes, a create of unknown outcome", replace(_TWO, crashes=True, unknown_creates=1, readers=0)
    ),
    Configuration("big: expired numbers, crashes", replace(_EXPIRED, crashes=True, readers=0)),
    Configuration("big: two pages, two compactors, a reader", replace(_TWO, pages=(1, 2))),
    Configuration("big: two collectors, a reader", replace(_TWO, collectors=2)),
    Configuration(
        "big: three events in two months",
        replace(_EXPIRED, events=(_A, _B, Event("c", month=1)), shortest_retention=False, readers=0),
    ),
)
