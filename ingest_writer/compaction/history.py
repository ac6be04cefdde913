"""Whether the snapshots in the bucket are one history that our compactors made: asked before anything is built on it.

Snapshots expire in order from the lowest number on, so if a snapshot is there, all later ones are there too.
The exception is a number that expired, was deleted, and was created again by a process that slept (ADR 6): such a
snapshot is younger than one with a later number. Whatever breaks these rules was made by somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, ObjectMissingError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.lineage import commit_problem
from lakehouse.table.listed_snapshots import (
    CLOCKS_DIFFER,
    Listed,
    by_number,
    gap_problem,
    oldest_original,
    read_listed,
)
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, Snapshot


class NamedFiles:
    """Which month files the snapshots name that were read. Of each file it knows the last snapshot that does: enough,
    as the lowest go first, and as small for thousands of snapshots as for one.
    """

    def __init__(self) -> None:
        self._read: set[int] = set()
        self._last: dict[str, int] = {}

    def add(self, snapshot: Snapshot) -> None:
        """Remembers what it names."""
        self._read.add(snapshot.number)
        for entry in snapshot.all_files():
            self._last[entry.name] = max(snapshot.number, self._last.get(entry.name, 0))

    def keep(self, numbers: set[int]) -> set[int]:
        """Forgets the snapshots that are not among `numbers`; returns those of them that were not read."""
        self._read &= numbers
        lowest = min(numbers, default=0)
        self._last = {name: number for name, number in self._last.items() if number >= lowest}
        return numbers - self._read

    def __contains__(self, name: str) -> bool:
        """Whether a snapshot that is kept may name it."""
        return name in self._last


class History:
    """Checks again and again; remembers what it found right (snapshots never change)."""

    def __init__(self, store: Store, planner: Planner, trusted: int = 0) -> None:
        """What is below the number `trusted` is not looked at: a person has."""
        self._store = store
        self._planner = planner
        self._trusted = trusted
        self._checked: set[str] = set()
        self.named = NamedFiles()
        """Of the snapshots that were read; a caller that needs those of all reads the others too."""
        self._last: Snapshot | None = None
        self._known: ObjectInfo | None = None
        self._commits: Listed = {}

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

    def check_files(self, latest: Snapshot, files: Mapping[str, ObjectInfo]) -> None:
        """After `check_whole`: the month files of `latest` have to be among `files`, listed between the two, with its
        size and checksum: nothing is deleted that a file replaces which is not there. Each was created before its
        commit.

        Raises ForeignSnapshotError.
        """
        for entry in latest.all_files():
            info, commit = files.get(entry.name), self._commits.get(entry.added_snapshot)
            if info is None:
                why, name = "which is not there", object_names.snapshot(latest.number)
            elif (info.size, info.crc32c) != (entry.size, entry.crc32c):
                why, name = "which has other bytes", object_names.snapshot(latest.number)
            elif commit is not None and commit.created + CLOCKS_DIFFER < info.created:
                why, name = "which was created after it", commit.name
            else:
                continue
            month = object_names.month_of(entry.min_flight_date)
            raise ForeignSnapshotError(name, f"month {month} is {entry.name}, {why}")

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
        self._commits = by_number(history if history[0].name == object_names.snapshot(1) else history[1:])
        self._known = listed[latest.number]
        self._last = latest
        return True

    def _list(self) -> Listed:
        return by_number(self._store.list(object_names.SNAPSHOTS))

    def _retained(self, latest: Snapshot, listed: Listed) -> list[ObjectInfo] | None:
        """The snapshots up to the latest that were never deleted; None when some were deleted while this was listed."""
        trusted = self._trusted if self._trusted <= latest.number else 0
        first = max(min(oldest_original(listed, self._known), max(latest.min_retained, 1)), trusted)
        if (why := gap_problem(latest, listed, first)) is not None:
            if self._has_moved_on(latest, listed, first):
                return None
            raise ForeignSnapshotError(object_names.snapshot(latest.number), why)
        history = [listed[number] for number in range(first, latest.number + 1)]
        for before, after in pairwise(history):
            if after.created + CLOCKS_DIFFER < before.created:
                raise ForeignSnapshotError(after.name, f"it was created before {before.name}, which it follows")
        return history

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

    def _check_commit(self, base: Snapshot, made: Snapshot) -> None:
        if (why := commit_problem(base, made)) is not None:
            raise ForeignSnapshotError(object_names.snapshot(made.number), why)

    def _read(self, info: ObjectInfo, latest: Snapshot) -> Snapshot:
        """The snapshot of that name; the last one is remembered: the commit after it is looked at next."""
        for known in (latest, self._last):
            if known is not None and info.name == object_names.snapshot(known.number):
                return known
        read = read_listed(self._store, info)
        self.named.add(read)
        self._last = read
        return read
