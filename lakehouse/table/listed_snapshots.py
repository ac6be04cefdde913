"""Snapshots as a listing shows them: which numbers have to be there, how large one may be, and how one is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

import google_crc32c

from lakehouse import object_names
from lakehouse.errors import ObjectMissingError
from lakehouse.store.store import ObjectInfo, Store
from lakehouse.table.snapshot import Snapshot, check_size, from_json

CLOCKS_DIFFER: Final = dt.timedelta(seconds=60)
"""Far above what the clocks of a store's servers do."""

Listed = Mapping[int, ObjectInfo]
"""Snapshots by number, ascending."""


def by_number(infos: Iterable[ObjectInfo]) -> dict[int, ObjectInfo]:
    """The snapshots among the objects of a listing."""
    found = ((object_names.parse_snapshot(info.name), info) for info in infos)
    return {number: info for number, info in found if number is not None}


def read_listed(store: Store, info: ObjectInfo) -> Snapshot:
    """The snapshot that was listed.

    Raises ObjectMissingError when it is gone, or other bytes have its name now (ADR 6); ForeignSnapshotError when it is
    no snapshot, or larger than one can be, which is not read; FormatTooNewError and the store's errors.
    """
    check_size(info.name, info.size)
    data = store.read(info.name)
    if google_crc32c.value(data) != info.crc32c:
        raise ObjectMissingError(info.name)
    return from_json(info.name, data)


def oldest_original(listed: Listed, known: ObjectInfo | None = None) -> int:
    """The lowest number that was certainly never deleted and created again; `known` is one of which that is known.

    Snapshots expire from the lowest on, so all after it have to be there. A number that expired and was created again
    by a process that slept (ADR 6) is younger than a later one.
    """
    numbers = sorted(listed)
    oldest = numbers[-1]
    least = listed[oldest].created
    for number in reversed(numbers[:-1]):
        info = listed[number]
        if info.created + CLOCKS_DIFFER < least or info == known:
            oldest = number
        least = min(least, info.created)
    return oldest


def gap_problem(latest: Snapshot, listed: Listed, first: int) -> str | None:
    """Why the numbers that are listed from `first` on are no history that ends with `latest`; None when they are."""
    if latest.min_retained > max(latest.number - 1, 1):
        return f"its oldest is {latest.min_retained}, which gives up what it was made from"
    missing = next((number for number in range(first, latest.number) if number not in listed), None)
    return None if missing is None else f"snapshot {missing} is missing between {first} and it"
