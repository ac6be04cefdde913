"""Which files of a month a merge replaces, and by which: files by date. Pure: it knows entries, dates and sizes.

Days that still move are small files of their own, so that a run that touches today rewrites today alone. Days at rest
are joined into large ones, so that a question about a month opens few. What is at rest follows from the snapshot: no
event of the file is as new as the newest one of the lake, by far. A file that the tail touches is rewritten whatever
this module thinks of it; it decides on costs, never on what is right, but for one rule: the files of a side stay
disjoint by date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby

from ingest_writer.compaction.model import CompactorOptions
from lakehouse.schema.event import FORMAT_VERSION
from lakehouse.table.snapshot import Month, MonthFile, Snapshot


@dataclass(frozen=True)
class Rewrite:
    """A month and the files to replace, though no tail touches them: outdated ones, or neighbours to join into one."""

    month: str
    files: frozenset[MonthFile]
    is_join: bool


@dataclass(frozen=True)
class DateSize:
    """What the newest rows of one date, on one side, take in a file: about."""

    date: dt.date
    bytes: float


@dataclass(frozen=True)
class Part:
    """The dates of a file, both inside."""

    first: dt.date
    last: dt.date


class _Kind(Enum):
    REST = auto()
    """It was there, and does not move."""
    MOVING = auto()
    """It was there, in a file with new events, and the tail touches it again."""
    NEW = auto()
    """No file had it: it may be one of a whole month that is loaded at once."""


@dataclass(frozen=True)
class Layout:
    """How one month is laid out anew, as of one snapshot."""

    base: Month
    replaced: frozenset[MonthFile]
    """Files whose rows are merged with the tail; the others of `base` stay."""
    dates: frozenset[dt.date]
    """Those of the tail."""
    rest_before: dt.datetime | None
    """A file is at rest when all its events are older."""
    options: CompactorOptions
    is_join: bool = False
    """Whether one file takes the place of all that are replaced, however large it turns out."""

    def kept(self, *, is_hidden: bool) -> tuple[MonthFile, ...]:
        """The files of one side that stay."""
        return tuple(each for each in self._side(is_hidden) if each not in self.replaced)

    def parts(self, sizes: Sequence[DateSize], *, is_hidden: bool) -> list[Part]:
        """The new files of one side, whose merged rows have these sizes, by date."""
        groups: list[list[tuple[DateSize, _Kind]]] = []
        for size in sizes:
            each = (size, self._kind(size.date, is_hidden))
            if groups and self._fits(groups[-1], each, is_hidden):
                groups[-1].append(each)
            else:
                groups.append([each])
        return [Part(group[0][0].date, group[-1][0].date) for group in groups]

    def _side(self, is_hidden: bool) -> tuple[MonthFile, ...]:
        return self.base.hidden if is_hidden else self.base.shown

    def _kind(self, date: dt.date, is_hidden: bool) -> _Kind:
        file = next((each for each in self._side(is_hidden) if each.has_date(date)), None)
        if file is None:
            return _Kind.NEW
        return _Kind.MOVING if date in self.dates and not _rests(file, self.rest_before) else _Kind.REST

    def _fits(self, group: list[tuple[DateSize, _Kind]], each: tuple[DateSize, _Kind], is_hidden: bool) -> bool:
        """Whether a date goes into the same file as those before it."""
        last, date = group[-1][0].date, each[0].date
        if self.is_join:
            return True
        if any(last < stays.min_flight_date < date for stays in self.kept(is_hidden=is_hidden)):
            return False  # a file that stays lies between them
        total = sum(size.bytes for size, _ in group) + each[0].bytes
        kinds = {kind for _, kind in (*group, each)}
        is_small = total <= self.options.moving_file_max_bytes
        is_alike = len(kinds) == 1 and _Kind.MOVING not in kinds
        return is_small or (is_alike and total <= self.options.file_max_bytes)


def layout_of(month: str, snapshot: Snapshot, dates: Collection[dt.date], options: CompactorOptions) -> Layout:
    """What a merge of a tail of these dates replaces.

    Files of an older format are replaced whatever their dates: one may have rows of both sides, and the rows of each
    date that a hidden file has must not be in another one too.
    """
    base = snapshot.month(month)
    touched = (each for each in base.files if is_outdated(each) or any(map(each.has_date, dates)))
    return Layout(base, frozenset(touched), frozenset(dates), _rest_before(snapshot, options), options)


def rewrite_layout(rewrite: Rewrite, snapshot: Snapshot, options: CompactorOptions) -> Layout:
    """The same for a rewrite."""
    base, rest_before = snapshot.month(rewrite.month), _rest_before(snapshot, options)
    return Layout(base, rewrite.files, frozenset(), rest_before, options, rewrite.is_join)


def rewrite_of(month: str, snapshot: Snapshot, options: CompactorOptions) -> Rewrite | None:
    """What should be rewritten of a month, though nothing of it is in the tail; None when it is as it should be."""
    base, rest_before = snapshot.month(month), _rest_before(snapshot, options)
    if outdated := frozenset(filter(is_outdated, base.files)):
        return Rewrite(month, outdated, is_join=False)
    for side in (base.shown, base.hidden):
        for run in _joinable(side, rest_before, options.file_max_bytes):
            return Rewrite(month, frozenset(run), is_join=True)
    return None


def is_outdated(entry: MonthFile) -> bool:
    """Whether the file is of an older format."""
    return entry.format_version < FORMAT_VERSION


def _rest_before(snapshot: Snapshot, options: CompactorOptions) -> dt.datetime | None:
    newest = snapshot.max_event_time
    return None if newest is None else newest - dt.timedelta(seconds=options.rest_s)


def _rests(file: MonthFile, rest_before: dt.datetime | None) -> bool:
    return rest_before is not None and file.max_event_time < rest_before


def _joinable(
    side: Sequence[MonthFile], rest_before: dt.datetime | None, max_bytes: int
) -> Iterator[Sequence[MonthFile]]:
    """Neighbours at rest that fit into one file together, two or more, from the first date on."""
    for rests, files in groupby(side, key=lambda each: _rests(each, rest_before)):
        run: list[MonthFile] = []
        for each in files if rests else ():
            if run and sum(file.size for file in run) + each.size > max_bytes:
                if len(run) > 1:
                    yield run
                run = []
            run.append(each)
        if len(run) > 1:
            yield run
