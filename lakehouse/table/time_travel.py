"""Reads old snapshots by number, as long as they are retained.

A number below the latest snapshot's `min_retained` is refused, even if an object of that name
exists: a suspended process may have created it after it expired (ADR 6). Therefore the number is
checked again after the read. If it is still retained, the object was never deleted or replaced.
"""

from __future__ import annotations

from collections.abc import Callable

from lakehouse import object_names
from lakehouse.errors import ConfigError, ObjectMissingError, SnapshotExpiredError, SnapshotNotYetError
from lakehouse.store.store import Store
from lakehouse.table.listed_snapshots import read_listed
from lakehouse.table.snapshot import Snapshot


def check_retained(number: int, latest: Snapshot) -> None:
    """Raises SnapshotNotYetError or SnapshotExpiredError unless `number` is retained as of `latest`; ConfigError."""
    if number < 1:
        raise ConfigError(f"snapshot is {number}; the first one is 1")
    if number > latest.number:
        raise SnapshotNotYetError(number, latest.number)
    if number < latest.min_retained:
        raise SnapshotExpiredError(number, latest.min_retained)


def read_snapshot(store: Store, number: int, find_latest: Callable[[], Snapshot]) -> Snapshot:
    """The snapshot `number`; `find_latest` gives the latest one as of each call.

    Raises SnapshotNotYetError, SnapshotExpiredError, ObjectMissingError (retained and not there), UnreadableError,
    FormatTooNewError, ConfigError (a number below 1), and what `find_latest` and the store raise.
    """
    latest = find_latest()
    check_retained(number, latest)
    if number == latest.number:
        return latest
    name = object_names.snapshot(number)
    try:
        info = next((info for info in store.list(name) if info.name == name), None)
        if info is None:
            raise ObjectMissingError(name)
        found = read_listed(store, info)
    except ObjectMissingError:
        check_retained(number, find_latest())  # it is missing because it was collected just now
        raise
    check_retained(number, find_latest())
    return found
