"""Whether the snapshots in the bucket are one history that our compactors made: asked before anything is built on it.

Snapshots expire from the lowest number on, one after the other, so a snapshot that is there has all later ones beside
it. The exception is a number that expired, was deleted, and was created again by a process that slept (ADR 6): such a
one is younger than a later number. Whatever breaks these rules was made by somebody else.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Final

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, ObjectMissingError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.lineage import commit_problem
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, Snapshot, check_size, from_json

_CLOCKS_DIFFER: Final = dt.timedelta(seconds=60)  # far above what the clocks of a store's servers do

Listed = dict[int, ObjectInfo]
"""Snapshots by number, ascending."""


class History:
    """Checks again and again; remembers what it found right (snapshots never change)."""

    def __init__(self, store: Store, planner: Planner, trusted: int = 0) -> None:
        """What is below the number `trusted` is not looked at: a person has."""
        self._store = store
        self._planner = planner
        self._trusted = trusted
        self._checked: set[str] = set()
        self._named: dict[int, frozenset[str]] = {}
        self._last: Snapshot | None = None
        self._known: ObjectInfo | None = None

    def check_latest(self, latest: Snapshot) -> None:
        """The latest snapshot has to follow the one before it, which has to be there.

        Raises ForeignSnapshotError, and what reading snapshots raises.
        """
        if latest.number and (self._known is None or self._known.name != object_names.snapshot(latest.number)):
            self._check(latest, is_whole=False)

    def check_whole(self, latest: Snapshot) -> bool:
        """Every snapshot up to `latest` has to follow the one before it. False when others went on meanwhile.

        Raises ForeignSnapshotError, and what reading snapshots raises.
        """
        return self._check(latest, is_whole=True)

    def named_files(self) -> dict[int, frozenset[str]]:
        """The month files that each snapshot names, of those that were looked at and were never deleted."""
        return self._named

    def _check(self, latest: Snapshot, *, is_whole: bool) -> bool:
        if not object_names.has_room_above(latest.number):
            why = f"numbers end at {object_names.MAX_SNAPSHOT}, none can follow it"
            raise ForeignSnapshotError(object_names.snapshot(latest.number), why)
        listed = self._list()
        if latest.number not in listed or max(listed) != latest.number:
            return False
        history = self._retained(latest, listed)
        if history is None:
            return False
        try:
            self._check_commits(history if is_whole else history[-2:], latest)
        except ObjectMissingError:
            return False
        self._known = listed[latest.number]
        self._last = latest
        return True

    def _list(self) -> Listed:
        found = ((object_names.parse_snapshot(info.name), info) for info in self._store.list(object_names.SNAPSHOTS))
        return {number: info for number, info in found if number is not None}

    def _retained(self, latest: Snapshot, listed: Listed) -> list[ObjectInfo] | None:
        """The snapshots up to the latest that were never deleted; None when some were deleted while this was listed."""
        trusted = self._trusted if self._trusted <= latest.number else 0
        name = object_names.snapshot(latest.number)
        if latest.min_retained > max(latest.number - 1, 1):
            raise ForeignSnapshotError(
                name, f"its oldest is {latest.min_retained}, which gives up what it was made from"
            )
        first = min(self._oldest_original(listed), max(latest.min_retained, 1))
        numbers = range(max(first, trusted), latest.number + 1)
        missing = next((number for number in numbers if number not in listed), None)
        if missing is not None:
            if self._has_moved_on(latest, listed, numbers[0]):
                return None
            raise ForeignSnapshotError(name, f"snapshot {missing} is missing between {numbers[0]} and it")
        history = [listed[number] for number in numbers]
        for before, after in pairwise(history):
            if after.created + _CLOCKS_DIFFER < before.created:
                raise ForeignSnapshotError(after.name, f"it was created before {before.name}, which it follows")
        return history

    def _oldest_original(self, listed: Listed) -> int:
        """The lowest number that was certainly never deleted and created again."""
        numbers = sorted(listed)
        oldest = numbers[-1]
        least = listed[oldest].created
        for number in reversed(numbers[:-1]):
            info = listed[number]
            if info.created + _CLOCKS_DIFFER < least or info == self._known:
                oldest = number
            least = min(least, info.created)
        return oldest

    def _has_moved_on(self, latest: Snapshot, listed: Listed, first: int) -> bool:
        """Whether snapshots were deleted between the pages of the listing, as they are when they expire."""
        if self._planner.latest_snapshot().number != latest.number:
            return True
        return first < latest.min_retained and self._list().get(first) != listed.get(first)

    def _check_commits(self, history: list[ObjectInfo], latest: Snapshot) -> None:
        if history[0].name == object_names.snapshot(1):
            self._check_commit(EMPTY, self._read(history[0], latest))
        for base, made in pairwise(history):
            if made.name not in self._checked:
                self._check_commit(self._read(base, latest), self._read(made, latest))
                self._checked.add(made.name)
        self._checked &= {info.name for info in history}
        self._named = {n: files for n, files in self._named.items() if object_names.snapshot(n) >= history[0].name}

    def _check_commit(self, base: Snapshot, made: Snapshot) -> None:
        if (why := commit_problem(base, made)) is not None:
            raise ForeignSnapshotError(object_names.snapshot(made.number), why)

    def _read(self, info: ObjectInfo, latest: Snapshot) -> Snapshot:
        """The snapshot of that name; the last one is remembered: the commit after it is looked at next."""
        for known in (latest, self._last):
            if known is not None and info.name == object_names.snapshot(known.number):
                return known
        check_size(info.name, info.size)
        read = from_json(info.name, self._store.read(info.name))
        self._named[read.number] = frozenset(entry.name for entry in read.months.values())
        self._last = read
        return read
