"""What a load did, for people: rows of each file, reasons of rejections, what was left out."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest_writer.backfill.readers.header import suggestion
from ingest_writer.backfill.readers.model import printable
from ingest_writer.compaction.merge_sql import NO_CONFLICTS, SAME_FLIGHT_WITHIN, KeyConflicts
from ingest_writer.decoding.event import RejectError

_KINDS: Final = 1000
"""Of reasons, counted one by one; the others are counted together. Data must not fill the memory."""
_OTHERS: Final = "(others)"
_SHOWN_REASONS: Final = 20
_SHOWN_FILES: Final = 20
_SHOWN_NAMES: Final = 20
_VALUE: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|(?<![\w`.])[-+]?\d[\w:.+-]*")


@dataclass
class Reason:
    """How many rows were rejected for one reason, where the first one is, and what was wrong there."""

    first: str
    text: str
    rows: int = 0


@dataclass
class Reasons:
    """The reasons of rejected rows, those alone in their values together."""

    by_kind: dict[str, Reason] = field(default_factory=dict)

    def add(self, reason: str, where: str, kind: str | None = None) -> None:
        """Counts a row; `kind` is the reason without its values."""
        kind = _VALUE.sub("…", reason) if kind is None else kind
        if kind not in self.by_kind and len(self.by_kind) >= _KINDS:
            kind = _OTHERS
        self.by_kind.setdefault(kind, Reason(where, reason)).rows += 1

    def lines(self) -> Iterator[str]:
        """A table: rows, where the first one is, and its reason."""
        found = sorted(self.by_kind.values(), key=lambda reason: -reason.rows)
        if not found:
            return
        width = max(len(reason.first) for reason in found[:_SHOWN_REASONS])
        yield f"{'rows':>10}  {'first':<{width}}  reason"
        for reason in found[:_SHOWN_REASONS]:
            yield printable(f"{reason.rows:>10,}  {reason.first:<{width}}  {' '.join(reason.text.split())}")
        if rest := found[_SHOWN_REASONS:]:
            yield f"{sum(reason.rows for reason in rest):>10,}  for {len(rest):,} more reasons"


def kind_of(error: RejectError) -> str | None:
    """The reason without its values, where the error knows it."""
    kind = getattr(error, "kind", None)
    return kind if isinstance(kind, str) else None


@dataclass
class FileReport:
    """One file: each of its rows was loaded or rejected."""

    name: str
    loaded: int = 0
    rejected: int = 0

    @property
    def read(self) -> int:
        """Rows of the file."""
        return self.loaded + self.rejected


@dataclass
class LoadReport:
    """What a load did."""

    files: int = 0
    rows: int = 0
    rejected: int = 0
    months: list[str] = field(default_factory=list)
    snapshot: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    by_file: list[FileReport] = field(default_factory=list)
    reasons: Reasons = field(default_factory=Reasons)
    left_out: list[str] = field(default_factory=list)
    """Files within a zip that are in no known format."""
    notes: list[str] = field(default_factory=list)
    """What readers have to say about their files."""
    conflicts: KeyConflicts = NO_CONFLICTS
    """Keys that two flights seem to share."""

    @property
    def exit_code(self) -> int:
        """0 if all was loaded, 3 if some rows were rejected, 1 if there was none to load, or storage has damage."""
        if self.rows == 0 or self.unreadable:
            return 1
        return 3 if self.rejected else 0

    def lines(self, verb: str = "loaded") -> Iterator[str]:
        """The summary."""
        yield from self._files(verb)
        yield from self.reasons.lines()
        for name, times in self.unknown_fields.most_common(_SHOWN_NAMES):
            meant = f"; did you mean {guess}?" if (guess := suggestion(name)) else ""
            shown = f"column {name!r}" if name else "column without a name"
            yield f"ignored the {shown} in {times:,} rows: no event has it{meant}"
        if len(self.unknown_fields) > _SHOWN_NAMES:
            yield f"and {len(self.unknown_fields) - _SHOWN_NAMES:,} ignored columns more"
        yield from _first(self.notes, "notes")
        yield from _first([f"left out {name}: its name is of no known format" for name in self.left_out], "left out")
        if self.conflicts.first is not None:
            hours = SAME_FLIGHT_WITHIN // dt.timedelta(hours=1)
            yield (
                f"{self.conflicts.count:,} times events of one key have scheduled departures more than {hours} h apart,"
                f" first {self.conflicts.first.flight_id}: two flights need two keys, see operational_suffix in"
                " docs/event.md"
            )
        if self.rows == 0:
            yield "nothing was loaded: " + ("every row was rejected" if self.rejected else "there is no row in it")

    def _files(self, verb: str) -> Iterator[str]:
        total = FileReport("total", self.rows, self.rejected)
        shown = self.by_file[:_SHOWN_FILES]
        yield f"{'read':>12} {verb:>12} {'rejected':>12}  file"
        for each in shown if len(self.by_file) > 1 else []:
            yield _file_line(each)
        if len(self.by_file) > len(shown):
            yield f"{'':>38}  and {len(self.by_file) - len(shown):,} files more"
        yield _file_line(total if len(self.by_file) != 1 else self.by_file[0])


def _first(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from map(printable, lines[:_SHOWN_FILES])
    if len(lines) > _SHOWN_FILES:
        yield f"and {len(lines) - _SHOWN_FILES:,} {what} more"


def _file_line(file: FileReport) -> str:
    return f"{file.read:>12,} {file.loaded:>12,} {file.rejected:>12,}  {printable(file.name)}"
