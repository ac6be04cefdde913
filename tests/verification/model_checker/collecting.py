"""The model's garbage collector: it follows the history of snapshots and has no clock.

It deletes (1) snapshots below the latest's `min_retained`; (2) landed files that the latest has
absorbed, after their grace; (3) month files that no retained snapshot names and whose
`added_snapshot` is below the month's. It deletes one at a time, in any order within (1) and (2),
and may stop at any point.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.verification.model_checker.lake import File, Lake, Snapshot, describe, show
from tests.verification.model_checker.rules import Finder


class Collector(NamedTuple):
    """`doomed`: month files it may delete. `unread`: retained snapshots that may name them."""

    at: str = "idle"
    latest: Snapshot | None = None
    doomed: frozenset[File] = frozenset()
    unread: tuple[int, ...] = ()


IDLE: Final = Collector()

Move = tuple[str, Lake, Collector]


def steps(me: Collector, lake: Lake, finder: Finder) -> Iterator[Move]:
    """Every next step of a collector in this lake."""
    if me.at in ("idle", "find"):
        if lake.snapshots:
            found = finder.latest(lake, None)
            at = "collect" if finder.rules.reads_what_was_listed else "read"
            yield f"lists snapshots, the latest is {found.number}", lake, Collector(at, found)
    elif me.at == "read" and me.latest is not None:
        latest = finder.read(lake, me.latest)
        if latest is None:
            yield f"snapshot {me.latest.number} is gone, lists again", lake, Collector("find")
        else:
            text = (
                f"reads snapshot {latest.number}: min_retained {latest.min_retained}, absorbed {show(latest.absorbed)}"
            )
            yield text, lake, Collector("collect", latest)
    elif me.at == "collect" and me.latest is not None:
        yield from _collect(me, me.latest, lake)
        yield from _choose_months(me.latest, lake, finder)
    elif me.at == "list" and me.latest is not None:
        yield _list_retained(me.doomed, me.latest, lake, finder)
    elif me.at == "names":
        yield _read_retained(me, lake)
    else:
        yield from _delete_months(me, lake)


def _collect(me: Collector, latest: Snapshot, lake: Lake) -> Iterator[Move]:
    """Snapshots below the latest's `min_retained`, and landed files inside the latest."""
    for snapshot in lake.snapshots:
        if snapshot.number < latest.min_retained:
            yield f"deletes snapshot {snapshot.number}", lake.without_snapshot(snapshot.number), me
    for landed in single_events(latest.absorbed & lake.landing):
        yield f"deletes landed {show(landed)}", lake._replace(landing=lake.landing & ~landed), me


def _choose_months(latest: Snapshot, lake: Lake, finder: Finder) -> Iterator[Move]:
    """Month files whose maker, however late it wakes, can no longer commit them."""
    past = frozenset(
        file
        for file in lake.files
        if file.added_snapshot < latest.added_snapshot(file.month) or not finder.rules.collects_by_added_snapshot
    )
    if past:
        yield f"lists month files, may delete {_describe(past)}", lake, Collector("list", latest, past)


def _list_retained(doomed: frozenset[File], latest: Snapshot, lake: Lake, finder: Finder) -> Move:
    """Which snapshots may name them. (What was listed is what is read: known at once, see `Rules`.)"""
    numbers = tuple(snapshot.number for snapshot in lake.snapshots)
    if finder.rules.reads_what_was_listed:
        left = doomed.difference(*(snapshot.files() for snapshot in lake.snapshots))
        return f"reads the retained snapshots {numbers}", lake, _next_name(left, ())
    left = doomed.difference(latest.files()) if latest.number in numbers else doomed
    unread = tuple(number for number in numbers if number != latest.number)
    return f"lists the retained snapshots {numbers}", lake, _next_name(left, unread)


def _read_retained(me: Collector, lake: Lake) -> Move:
    """One that vanishes meanwhile is a doubt: nothing is deleted."""
    number, *unread = me.unread
    retained = lake.read(number)
    if retained is None:
        return f"snapshot {number} is gone, leaves month files to the next run", lake, IDLE
    then = _next_name(me.doomed.difference(retained.files()), tuple(unread))
    return f"reads the retained snapshot {number}", lake, then


def without(me: Collector, named: frozenset[File]) -> Collector:
    """The same collector without doomed files that no other process can name."""
    doomed = me.doomed & named
    return me._replace(doomed=doomed) if doomed else IDLE


def _next_name(doomed: frozenset[File], unread: tuple[int, ...]) -> Collector:
    if not doomed:
        return IDLE
    return Collector("names", None, doomed, unread) if unread else Collector("delete", None, doomed)


def _delete_months(me: Collector, lake: Lake) -> Iterator[Move]:
    yield "fails to delete the rest", lake, IDLE
    for file in sorted(me.doomed):
        rest = me.doomed - {file}
        then = Collector("delete", None, rest) if rest else IDLE
        yield f"deletes {describe(file)}", lake._replace(files=lake.files - {file}), then


def single_events(events: int) -> Iterator[int]:
    """`events`, one at a time."""
    while events:
        yield events & -events
        events &= events - 1


def _describe(files: frozenset[File]) -> str:
    return "; ".join(map(describe, sorted(files)))
