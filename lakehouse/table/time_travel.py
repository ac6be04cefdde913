"""Old snapshots by their number, as long as they are retained.

A number below the latest's `oldest` is refused, also when an object of that name is there: it may have been created in
the hole by somebody who slept (ADR 6). So what was read counts only if the number is still retained after it was read:
then it has never been deleted, and nobody can have put another one into its place.
"""

from __future__ import annotations

from collections.abc import Callable

from lakehouse import object_names
from lakehouse.errors import ConfigError, ObjectMissingError, SnapshotCollectedError, SnapshotNotYetError
from lakehouse.store.store import Store
from lakehouse.table.snapshot import Snapshot, from_json


def check_retained(number: int, latest: Snapshot) -> None:
    """Raises SnapshotNotYetError or SnapshotCollectedError unless `number` is retained as of `latest`; ConfigError."""
    if number < 1:
        raise ConfigError(f"snapshot is {number}; the first one is 1")
    if number > latest.number:
        raise SnapshotNotYetError(number, latest.number)
    if number < latest.oldest:
        raise SnapshotCollectedError(number, latest.oldest)


def read_snapshot(store: Store, number: int, find_latest: Callable[[], Snapshot]) -> Snapshot:
    """The snapshot `number`; `find_latest` gives the latest one as of each call.

    Raises SnapshotNotYetError, SnapshotCollectedError, ObjectMissingError (retained and not there), UnreadableError,
    FormatTooNewError, ConfigError (a number below 1), and what `find_latest` and the store raise.
    """
    latest = find_latest()
    check_retained(number, latest)
    if number == latest.number:
        return latest
    name = object_names.snapshot(number)
    try:
        data = store.read(name)
    except ObjectMissingError:
        check_retained(number, find_latest())  # it is missing because it was collected just now
        raise
    check_retained(number, find_latest())
    return from_json(name, data)
