"""The model's compactor: list landing, read snapshot n, merge, store, create n+1, list again.

Steps that no other process can tell apart are one step, which saves states and loses nothing:

- The inputs of a merge are read with the snapshot. A merge may leave any file for later
  (`World.merges`), which covers files that have disappeared by then.
- A month file is stored in the same step. If it were stored later, a collector could only miss it,
  and a collector may fail to delete it anyway.
- The second listing ("committed only if the number is not below the latest's `min_retained`") happens
  with the create, which settles the outcome: the next number of the history is committed, an
  expired number never is.

A month file of unknown outcome is not modelled: the compactor uses another name, and no snapshot
ever names the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final, NamedTuple

from tests.verification.model_checker.collecting import single_events
from tests.verification.model_checker.lake import (
    Entry,
    Events,
    File,
    Lake,
    Month,
    Snapshot,
    added_snapshot_of,
    describe,
    show,
)
from tests.verification.model_checker.rules import Finder


class Made(NamedTuple):
    """A new month, made from the files `base` and the landed `events`: those of `base` that stay, and stored ones."""

    base: Month
    events: Events
    stays: Month
    files: tuple[File, ...]

    @property
    def month(self) -> int:
        return self.files[0].month


class Compactor(NamedTuple):
    """`kept`: stored months, valid while the entry that they were made from is current."""

    at: str = "idle"
    page: int = 0
    listed: Events = 0
    snapshot: Snapshot | None = None
    kept: tuple[Made, ...] = ()


IDLE: Final = Compactor()

Move = tuple[str, Lake, Compactor, str | None]
Used = Callable[[], frozenset[File]]


def steps(me: Compactor, lake: Lake, finder: Finder, used: Used) -> Iterator[Move]:
    """All next steps of a compactor in this lake. `used`: month files that a process knows."""
    if me.at in ("idle", "landing"):
        if me.at == "landing" or finder.latest(lake, None).number < finder.world.max_snapshot:
            yield _list_page(me, lake, finder)
    elif me.at == "find":
        found = finder.latest(lake, me.snapshot)
        if finder.rules.reads_what_was_listed:
            yield from _plan(me, found, lake, finder, used)
        else:
            yield f"looks for the latest snapshot: {found.number}", lake, me._replace(at="read", snapshot=found), None
    elif me.snapshot is None:
        raise AssertionError(me.at)
    elif me.at == "read":
        snapshot = finder.read(lake, me.snapshot)
        if snapshot is None:
            yield f"snapshot {me.snapshot.number} is gone", lake, me._replace(at="find", snapshot=None), None
        else:
            yield from _plan(me, snapshot, lake, finder, used)
    elif me.at == "commit":
        yield from _commit(me, me.snapshot, lake, finder)
    elif me.at == "look":
        yield _look(me, me.snapshot, lake, finder)
    else:
        yield from _collect_by_own(me, me.snapshot, lake)


def _list_page(me: Compactor, lake: Lake, finder: Finder) -> Move:
    page = lake.landing & finder.pages[me.page]
    listed = me.listed | page
    last = me.page + 1 == len(finder.pages)
    then = me._replace(at="find" if last else "landing", page=0 if last else me.page + 1, listed=listed)
    idle = last and not listed and not me.kept
    return f"lists landing, page {me.page + 1}: {show(page)}", lake, IDLE if idle else then, None


def _plan(me: Compactor, base: Snapshot, lake: Lake, finder: Finder, used: Used) -> Iterator[Move]:
    """Keeps the months whose files are unchanged; merges month files + tail, newest per flight, for the others."""
    if base.number >= finder.world.max_snapshot:
        yield f"finds snapshot {base.number}, where this world ends", lake, IDLE, None
        return
    kept = tuple(made for made in me.kept if _is_current(made, base, finder))
    names = used()
    choices: list[list[Made | None]] = []
    for month, entries in enumerate(base.months):
        there = me.listed & ~base.absorbed & lake.landing & finder.of_month(month)
        there = 0 if any(made.month == month for made in kept) else there
        if there:
            parts = [part for part in _parts(there, finder) if _in_order(part, lake, finder)]
            merged = [_made(month, entries, part, finder, names) for part in parts]
            choices.append([*(made for made in merged if _replaced(made) <= lake.files), None])
    for choice in product(*choices):
        new = [each for each in choice if each is not None]
        months = tuple(sorted((*kept, *new), key=lambda each: each.month))
        if months:
            stored = lake._replace(files=lake.files.union(file for each in new for file in each.files)) if new else lake
            if finder.interchangeable:
                stored = stored._replace(merged=lake.merged | sum(each.events for each in new))
            merges = "".join(
                f", merges {show(each.events)} and stores {', '.join(map(describe, each.files))}" for each in new
            )
            then = me._replace(at="commit", snapshot=base, kept=months)
            yield f"reads snapshot {base.number}{merges}", stored, then, None
        else:
            yield f"reads snapshot {base.number}, has nothing to merge", lake, IDLE, None


def _is_current(made: Made, base: Snapshot, finder: Finder) -> bool:
    now = base.months[made.month]
    if finder.rules.compares_whole_months:
        return now == made.base
    return set(made.base) - set(made.stays) <= set(now)


def _replaced(made: Made) -> frozenset[File]:
    return frozenset(entry.file for entry in made.base if entry not in made.stays)


def _made(month: int, base: Month, events: Events, finder: Finder, used: frozenset[File]) -> Made:
    """The dates of the events, of both sides, a file a date and side. Named with the `added_snapshot` of the
    month, and random bits that no process knows."""
    world, rules = finder.world, finder.rules
    dates = sorted({event.date for bit, event in enumerate(world.events) if events >> bit & 1})
    dates = dates if rules.absorbs_what_it_writes else dates[:1]
    stays = tuple(
        entry
        for entry in base
        if entry.file.date not in dates or (entry.file.is_hidden and not rules.merges_both_sides)
    )
    says = finder.covered(events)
    for entry in base:
        says |= 0 if entry in stays else entry.file.says
    files = []
    for date in dates:
        of_date = says & world.of_date(month, date)
        hidden = world.hidden_of(of_date)
        for is_hidden, part in ((False, of_date & ~hidden), (True, hidden)):
            file = File(month, added_snapshot_of(base), part, 0, date, is_hidden)
            while file in used:
                file = file._replace(nonce=file.nonce + 1)
            files += [file] if part else []
    return Made(base, events, stays, tuple(files))


def _parts(there: Events, finder: Finder) -> list[Events]:
    """What a merge may take of the files that are there; never nothing."""
    single = list(single_events(there))
    if finder.world.merges == "one":
        return single
    parts = [0]
    for event in single:
        parts += [part | event for part in parts]
    return parts[1:]


def _in_order(part: Events, lake: Lake, finder: Finder) -> bool:
    """Unmerged events are alike: the first ones stand for all."""
    if not finder.interchangeable:
        return True
    fresh = finder.world.all_events & ~lake.merged
    taken = part & fresh
    return taken == fresh & ((1 << taken.bit_length()) - 1)


def _again(me: Compactor, snapshot: Snapshot | None) -> Compactor:
    """Plans again with the months it has; `snapshot` is the last one it saw, for those that probe."""
    return Compactor("landing", snapshot=snapshot, kept=me.kept)


def _seen(snapshot: Snapshot, finder: Finder) -> Snapshot | None:
    return None if finder.rules.lists_for_the_latest else snapshot


def _commit(me: Compactor, base: Snapshot, lake: Lake, finder: Finder) -> Iterator[Move]:
    """Creates n+1, with any `min_retained` that the retention may give; its outcome may be unknown."""
    number = base.number + 1
    if lake.read(number) is not None:
        yield f"snapshot {number} exists, rebases", lake, _again(me, _seen(base, finder)), None
        return
    for min_retained in range(max(base.min_retained, 1), max(base.number, 1) + 1):
        if min_retained < base.number and finder.world.shortest_retention:
            continue
        new = _next(me, base, min_retained)
        absorbed = f"absorbed {show(new.absorbed)}"
        text = f"creates snapshot {number} with {show(new.says)}, min_retained {min_retained}, {absorbed}"
        if finder.rules.collects_by_the_history:
            then, wrong = _confirm(me, new, lake.with_snapshot(new), finder)
            expired = "" if then is IDLE else " (under an expired number: not committed)"
            yield text + expired, lake.with_snapshot(new), then, wrong
        else:
            yield text, lake.with_snapshot(new), Compactor("own", snapshot=new), None
        if lake.unknown_creates and lake.on_its_way is None:
            unsure = me._replace(at="look", listed=0, snapshot=new)
            left = lake._replace(unknown_creates=lake.unknown_creates - 1)
            yield f"{text}, and does not learn so", left.with_snapshot(new), unsure, None
            yield f"{text}, which is delayed", left._replace(on_its_way=new), unsure, None


def _next(me: Compactor, base: Snapshot, min_retained: int) -> Snapshot:
    months = list(base.months)
    absorbed = base.absorbed
    for made in me.kept:
        new = (Entry(file, base.number + 1) for file in made.files)
        months[made.month] = tuple(sorted((*made.stays, *new)))
        absorbed |= made.events
    return Snapshot(base.number + 1, min_retained, tuple(months), absorbed & me.listed)


def _look(me: Compactor, mine: Snapshot, lake: Lake, finder: Finder) -> Move:
    """A snapshot's creator lists again, and reads what has its name."""
    if lake.read(mine.number) != mine:
        return f"does not find its snapshot {mine.number}, rebases", lake, _again(me, None), None
    then, wrong = _confirm(me, mine, lake, finder)
    return f"finds its snapshot {mine.number}", lake, then, wrong


def _confirm(me: Compactor, mine: Snapshot, lake: Lake, finder: Finder) -> tuple[Compactor, str | None]:
    """Committed only if, listed once more, its number is not below the latest's `min_retained`."""
    latest = finder.latest(lake, _seen(mine, finder))
    if mine.number < latest.min_retained:
        return _again(me, None), None
    lost = mine.says & ~latest.says
    wrong = f"takes {show(lost)} for committed, which the latest snapshot {latest.number} lacks" if lost else None
    return IDLE, wrong


def _collect_by_own(me: Compactor, mine: Snapshot, lake: Lake) -> Iterator[Move]:
    """The variant: takes the snapshot that it has just created for the history."""
    for landed in single_events(mine.absorbed & lake.landing):
        yield f"deletes landed {show(landed)}", lake._replace(landing=lake.landing & ~landed), me, None
    yield f"leaves snapshot {mine.number}", lake, IDLE, None
