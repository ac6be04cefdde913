"""The snapshots that a publication is made from: one listing, and what is read of it."""

from __future__ import annotations

from lakehouse import object_names
from lakehouse.errors import ForeignSnapshotError, PublishError
from lakehouse.store.store import Store
from lakehouse.table.derived.content import to_ms
from lakehouse.table.lineage import commit_problem
from lakehouse.table.listed_snapshots import Listed, by_number, read_listed
from lakehouse.table.planner import Planner
from lakehouse.table.snapshot import EMPTY, Snapshot


class Source:
    """Snapshots up to the latest. Each is read once."""

    def __init__(self, store: Store, latest: Snapshot, listed: Listed, trusted: int = 0) -> None:
        """What is below the number `trusted` is not checked: a person has."""
        self._store = store
        self.latest = latest
        self._listed = {number: info for number, info in listed.items() if number <= latest.number}
        self._trusted = trusted
        self._read = {latest.number: latest, EMPTY.number: EMPTY}

    def has(self, number: int) -> bool:
        """Whether the snapshot is there; the empty one always is."""
        return number == EMPTY.number or number in self._listed

    def numbers(self) -> set[int]:
        """Those that are listed."""
        return set(self._listed)

    def created_ms(self, number: int) -> int:
        """When the store created it. Raises PublishError when it is not there."""
        if number == EMPTY.number:
            return 0
        if number not in self._listed:
            raise _missing(number)
        return to_ms(self._listed[number].created)

    def read(self, number: int) -> Snapshot:
        """Raises PublishError when it is not there, and what reading snapshots raises."""
        if number not in self._read:
            if number not in self._listed:
                raise _missing(number)
            self._read[number] = read_listed(self._store, self._listed[number])
        return self._read[number]

    def step(self, number: int) -> tuple[Snapshot, Snapshot]:
        """The snapshot before `number`, and that one, which has to follow it.

        Raises ForeignSnapshotError when it does not, and what `read` raises.
        """
        before, after = self.read(number - 1), self.read(number)
        self._read = {number: after, self.latest.number: self.latest, EMPTY.number: EMPTY}
        if number > self._trusted and (why := commit_problem(before, after)) is not None:
            raise ForeignSnapshotError(object_names.snapshot(number), why)
        return before, after


def open_source(store: Store, planner: Planner, trusted: int) -> Source:
    """The snapshots as of now. Raises what the planner raises."""
    latest = planner.latest_snapshot()
    return Source(store, latest, by_number(store.list(object_names.SNAPSHOTS)), trusted)


def _missing(number: int) -> PublishError:
    return PublishError(
        f"{object_names.snapshot(number)}: is not there, and the version after it says what it changed:"
        " the tables go on with the next commit"
    )
