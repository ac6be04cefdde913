"""The model's lake: a world to explore, the objects in the store, and their invariants.

A set of events is an integer with one bit an event. A month file *says* (covers) an event if it has
that event or a newer one of the flight, so "newest wins" is a union.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

Events = int
"""A set of events, one bit each."""


class Event(NamedTuple):
    """One landed file with one event. The larger version of a flight is its newer state."""

    flight: str
    version: int = 1
    month: int = 0
    date: int = 0
    """The flight's, in the month."""
    is_hidden: bool = False
    """Whether no answer shows the flight in this state."""


@dataclass(frozen=True)
class World:
    """The bounds of the search. Everything within them is explored."""

    events: tuple[Event, ...]
    max_snapshot: int
    """No compactor starts on a history that is this long."""
    compactors: int = 2
    collectors: int = 1
    readers: int = 1
    """0 or 1: readers change nothing, so what several of them see is what one sees at several moments."""
    pages: tuple[Events, ...] = ()
    """How names spread over the pages of a listing of `landing/`; empty: one page."""
    landed_at_start: bool = False
    """Whether all events exist at the start. With partial merges it proves nearly as much, with
    fewer states."""
    merges: Literal["any", "one"] = "any"
    """Which files of its tail a merge takes: it has bounds, some cannot be read just now, some are gone."""
    shortest_retention: bool = False
    """Whether `min_retained` always advances as far as it may, which deletes most."""
    unknown_creates: int = 0
    """How many creates of snapshots have an unknown outcome, at most."""
    crashes: bool = False

    @property
    def all_events(self) -> Events:
        return (1 << len(self.events)) - 1

    @property
    def months(self) -> int:
        return 1 + max(event.month for event in self.events)

    @property
    def landing_pages(self) -> tuple[Events, ...]:
        return self.pages or (self.all_events,)

    def covered_by(self, events: Events) -> Events:
        """`events`, and those that are older states of the same flights."""
        held = [event for bit, event in enumerate(self.events) if events >> bit & 1]
        return sum(
            1 << bit
            for bit, event in enumerate(self.events)
            if any(event.flight == other.flight and event.version <= other.version for other in held)
        )

    def of_month(self, month: int) -> Events:
        return sum(1 << bit for bit, event in enumerate(self.events) if event.month == month)

    def of_date(self, month: int, date: int) -> Events:
        return sum(1 << bit for bit, each in enumerate(self.events) if (each.month, each.date) == (month, date))

    def hidden_of(self, says: Events) -> Events:
        """Those of `says` whose flights have a newest state in it that is hidden."""
        newest: dict[str, Event] = {}
        held = [event for bit, event in enumerate(self.events) if says >> bit & 1]
        for event in sorted(held, key=lambda each: each.version):
            newest[event.flight] = event
        hidden = {flight for flight, event in newest.items() if event.is_hidden}
        return sum(1 << bit for bit, each in enumerate(self.events) if says >> bit & 1 and each.flight in hidden)

    def flights_of(self, says: Events) -> frozenset[str]:
        return frozenset(event.flight for bit, event in enumerate(self.events) if says >> bit & 1)

    def before(self, bit: int) -> Events:
        """What lands before event `bit`, without loss: its equals (one event of its own flight, same month and
        page) are interchangeable, so one order of them stands for all."""

        def alike(other: int) -> bool:
            mine, its = self.events[bit], self.events[other]
            pages = all((page >> bit & 1) == (page >> other & 1) for page in self.landing_pages)
            places = mine[2:] == its[2:]  # month, date and side
            return pages and places and self._alone(bit) and self._alone(other)

        return sum(1 << other for other in range(bit) if alike(other))

    @property
    def interchangeable(self) -> bool:
        """Whether unmerged events are all alike."""
        last = len(self.events) - 1
        return self.landed_at_start and self.before(last) == self.all_events & ~(1 << last)

    def _alone(self, bit: int) -> bool:
        return sum(event.flight == self.events[bit].flight for event in self.events) == 1


class File(NamedTuple):
    """A month file: `added_snapshot` is in its name, `says` is its content, `nonce` stands for the random bits.

    It has the flights of one date of the month that are shown, or those that are hidden.
    """

    month: int
    added_snapshot: int
    says: Events
    nonce: int
    date: int = 0
    is_hidden: bool = False


class Entry(NamedTuple):
    """A file of a month in a snapshot."""

    file: File
    added_snapshot: int


Month = tuple[Entry, ...]
"""The files of one month, of both sides."""


def added_snapshot_of(month: Month) -> int:
    """The number of the snapshot that changed the month last, 0 when it has no file."""
    return max((entry.added_snapshot for entry in month), default=0)


class Snapshot(NamedTuple):
    """The table at one commit. `absorbed` are landed files."""

    number: int
    min_retained: int
    months: tuple[Month, ...]
    absorbed: Events

    @property
    def says(self) -> Events:
        result = 0
        for file in self.files():
            result |= file.says
        return result

    def added_snapshot(self, month: int) -> int:
        return added_snapshot_of(self.months[month])

    def files(self) -> Iterator[File]:
        return (entry.file for month in self.months for entry in month)


class Lake(NamedTuple):
    """The store's objects, the acked events, and a create that is still under way."""

    landing: Events
    acked: Events
    files: frozenset[File]
    snapshots: tuple[Snapshot, ...]
    """By number, as a listing gives them. The collector leaves no gap but below `min_retained`, where others
    may create expired numbers again."""
    on_its_way: Snapshot | None
    unknown_creates: int
    """How many more outcomes may be unknown."""
    merged: Events = 0
    """All events merged so far. It changes no behaviour; alike events are taken in order."""

    def read(self, number: int) -> Snapshot | None:
        """The snapshot of that name, if there is one."""
        for snapshot in self.snapshots:
            if snapshot.number == number:
                return snapshot
        return None

    def with_snapshot(self, new: Snapshot) -> Lake:
        return self._replace(snapshots=tuple(sorted((*self.snapshots, new), key=lambda snapshot: snapshot.number)))

    def without_snapshot(self, number: int) -> Lake:
        return self._replace(snapshots=tuple(s for s in self.snapshots if s.number != number))


def separation_problem(snapshot: Snapshot, world: World) -> str | None:
    """Why a reader of the files that are shown, and of no others, does not see each flight that it should once."""
    seen: frozenset[str] = frozenset()
    for file in snapshot.files():
        flights = world.flights_of(file.says)
        if twice := seen & flights:
            return f"snapshot {snapshot.number} has flight {min(twice)} in two files"
        seen |= flights
        if world.hidden_of(file.says) != (file.says if file.is_hidden else 0):
            return f"snapshot {snapshot.number} names {describe(file)}, which has rows of the other side"
    return None


def problem_of(lake: Lake, before: Lake, empty: Snapshot) -> str | None:
    """What of "why it is right" does not hold in `lake`, the step before which was `before`."""
    latest = lake.snapshots[-1] if lake.snapshots else empty
    parent = before.snapshots[-1] if before.snapshots else empty
    if lost := lake.acked & ~(lake.landing | latest.says):
        return f"acked {show(lost)} is neither in landing nor in a month file of the latest snapshot {latest.number}"
    if latest.number < parent.number:
        return f"the history went back from snapshot {parent.number} to {latest.number}"
    if lost := parent.says & ~latest.says:
        return f"snapshot {latest.number} does not contain {show(lost)}, which snapshot {parent.number} contained"
    retained = [snapshot for snapshot in lake.snapshots if snapshot.number >= latest.min_retained]
    if len(retained) != latest.number - max(latest.min_retained, 1) + 1:
        return f"the latest retains snapshots from {latest.min_retained} on, and one of them is gone"
    for snapshot in retained:
        for file in snapshot.files():
            if file not in lake.files:
                return f"snapshot {snapshot.number} names {describe(file)}, which is gone"
    return None


@cache
def files_in(thing: Hashable) -> frozenset[File]:
    """Every month file that is named anywhere in `thing`."""
    if isinstance(thing, File):
        return frozenset((thing,))
    if isinstance(thing, tuple | frozenset):
        return frozenset().union(*(files_in(each) for each in thing))
    return frozenset()


@cache
def show(events: Events) -> str:
    """`{a,c}` for the first and third event."""
    return "{" + ",".join(chr(ord("a") + bit) for bit in range(events.bit_length()) if events >> bit & 1) + "}"


@cache
def describe(file: File) -> str:
    """A month file as traces name it."""
    area = "hidden" if file.is_hidden else "flights"
    return f"{area}/{file.month + 1:02}/{file.added_snapshot}-{file.nonce} with {show(file.says)}"
