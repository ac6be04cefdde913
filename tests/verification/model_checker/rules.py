"""The protocol's rules, which can be broken one at a time, and how the latest snapshot is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.verification.model_checker.lake import Events, Lake, Snapshot, World


@dataclass(frozen=True)
class Rules:
    """True: the protocol as it is. Each False is a variant that loses data."""

    lists_for_the_latest: bool = True
    """The latest snapshot is the highest name of a listing. False: from n, ask for n+1, n+2, ..."""
    reads_what_was_listed: bool = True
    """The snapshot that is read is the object that was listed (by generation or checksum). False:
    any object of that name, even one created under an expired number. (When true, listing and
    reading are one step of the model: the content is known when listed, and if the object is gone
    the listing is done again, as if for the first time.)"""
    collects_by_added_snapshot: bool = True
    """A month file goes only if its maker can no longer commit it. False: orphans go by age."""
    collects_by_the_history: bool = True
    """Landed files go by the latest of the history. False: by a snapshot just created."""
    lists_landing_first: bool = True
    """A reader lists landing, then finds the snapshot. False: the other way round."""
    newest_wins: bool = True
    """A tail event may be older than the merged one. False: the tail overrides."""
    merges_both_sides: bool = True
    """A merge of a date reads the files of both sides. False: it leaves the hidden one as it is."""
    absorbs_what_it_writes: bool = True
    """What is absorbed is in the files of its date. False: a merge writes the first date alone."""
    compares_whole_months: bool = True
    """A month is kept over a rebase while all of its files are those that it was made from. False: while those are
    that it replaced, though others have come."""


SPECIFIED: Final = Rules()


class Finder:
    """A world under rules, with the code that its processes share."""

    def __init__(self, world: World, rules: Rules) -> None:
        self.world = world
        self.rules = rules
        self.interchangeable = world.interchangeable
        self.pages = world.landing_pages
        self.empty = Snapshot(0, 0, ((),) * world.months, 0)
        self._covered = tuple(world.covered_by(events) for events in range(world.all_events + 1))
        self._month = tuple(world.of_month(month) for month in range(world.months))

    def covered(self, events: Events) -> Events:
        return self._covered[events]

    def of_month(self, month: int) -> Events:
        return self._month[month]

    def latest(self, lake: Lake, seen: Snapshot | None) -> Snapshot:
        """What a look for the latest snapshot finds: its name, and which object had it at that moment."""
        if self.rules.lists_for_the_latest or seen is None:
            return lake.snapshots[-1] if lake.snapshots else self.empty
        found = seen
        while (following := lake.read(found.number + 1)) is not None:
            found = following
        return found

    def read(self, lake: Lake, found: Snapshot) -> Snapshot | None:
        """What reading it gives, a while later; None when it is gone."""
        if found.number == 0:
            return found
        there = lake.read(found.number)
        return there if there == found or not self.rules.reads_what_was_listed else None
