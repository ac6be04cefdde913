"""The model's reader: landing first, all pages; then the latest snapshot; then the plan's files.

Reading all files is one step: names are used once and files only disappear, so files that exist at
the last read existed at the first one. The plan settles the answer; only a plan with a wrong answer
is followed further, to see whether its files still exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.verification.model_checker.lake import Events, Lake, Snapshot, show
from tests.verification.model_checker.rules import Finder


class Reader(NamedTuple):
    """`owed`: the events acked before its listing of landing began; the answer must cover them."""

    at: str = "idle"
    page: int = 0
    listed: Events = 0
    owed: Events = 0
    snapshot: Snapshot | None = None


IDLE: Final = Reader()

Move = tuple[str, Reader, str | None]


def steps(me: Reader, lake: Lake, finder: Finder) -> Iterator[Move]:
    """The next step of a reader in this lake."""
    landing_first = finder.rules.lists_landing_first
    if me.at == "list" or (me.at == "idle" and landing_first):
        yield _list_page(me, lake, finder)
    elif me.at in ("idle", "find"):
        found = finder.latest(lake, me.snapshot)
        text = f"looks for the latest snapshot: {found.number}"
        if finder.rules.reads_what_was_listed:
            yield _found(me, found, lake, finder, text)
        else:
            yield text, me._replace(at="read", snapshot=found), None
    elif me.snapshot is None:
        raise AssertionError(me.at)
    elif me.at == "read":
        snapshot = finder.read(lake, me.snapshot)
        if snapshot is None:  # collected meanwhile, so there is a newer one
            yield f"snapshot {me.snapshot.number} is gone, looks again", me._replace(at="find", snapshot=None), None
        else:
            yield _found(me, snapshot, lake, finder, f"reads snapshot {snapshot.number}")
    else:
        yield _answer(me, me.snapshot, lake, finder)


def _list_page(me: Reader, lake: Lake, finder: Finder) -> Move:
    """The pages of a listing are taken at different moments."""
    page = lake.landing & finder.pages[me.page]
    owed = finder.covered(lake.acked) if me.page == 0 else me.owed
    text = f"lists landing, page {me.page + 1}: {show(page)}"
    listed = me._replace(listed=me.listed | page, owed=owed)
    if me.page + 1 < len(finder.pages):
        return text, listed._replace(at="list", page=me.page + 1), None
    if finder.rules.lists_landing_first:
        return text, listed._replace(at="find", page=0), None
    return text, _planned(listed._replace(page=0), lake, finder), None


def _found(me: Reader, snapshot: Snapshot, lake: Lake, finder: Finder, text: str) -> Move:
    then = me._replace(snapshot=snapshot)
    if finder.rules.lists_landing_first:
        return f"{text}, which contains {show(snapshot.says)}", _planned(then, lake, finder), None
    return f"{text}, which contains {show(snapshot.says)}", then._replace(at="list"), None


def _planned(me: Reader, lake: Lake, finder: Finder) -> Reader:
    """On to the files, when that could be told from being done; those who probe remember the snapshot."""
    if _wrong(me, lake, finder) is not None:
        return me._replace(at="answer")
    return IDLE if finder.rules.lists_for_the_latest else Reader(snapshot=me.snapshot)


def _answer(me: Reader, snapshot: Snapshot, lake: Lake, finder: Finder) -> Move:
    """A file that is gone means the plan is old: plan again."""
    tail = me.listed & ~snapshot.absorbed
    idle = IDLE if finder.rules.lists_for_the_latest else Reader(snapshot=snapshot)
    if tail & ~lake.landing or not lake.files.issuperset(snapshot.files()):
        return "a file of the plan is gone, plans again", idle, None
    text = f"answers from snapshot {snapshot.number} and tail {show(tail)}"
    return text, idle, _wrong(me, lake, finder)


def _wrong(me: Reader, lake: Lake, finder: Finder) -> str | None:
    """The problem of the answer from this plan. Answer = newest wins over month files and tail."""
    snapshot = finder.empty if me.snapshot is None else me.snapshot
    answer = _newest(snapshot.says, me.listed & ~snapshot.absorbed, finder)
    if missing := me.owed & ~answer:
        return f"the answer {show(answer)} lacks {show(missing)}, acked before its listing began"
    if invented := answer & ~finder.covered(lake.acked):
        return f"the answer {show(answer)} contains {show(invented)}, which nobody published"
    return None


def _newest(merged: Events, tail: Events, finder: Finder) -> Events:
    if finder.rules.newest_wins:
        return merged | finder.covered(tail)
    flights = {event.flight for bit, event in enumerate(finder.world.events) if tail >> bit & 1}
    overridden = sum(1 << bit for bit, event in enumerate(finder.world.events) if event.flight in flights)
    return merged & ~overridden | finder.covered(tail)
