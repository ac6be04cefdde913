"""The input and output of compaction: options, the result of each month, the report of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest_writer.compaction.merge_sql import NO_CONFLICTS, KeyConflicts
from lakehouse.errors import LakeError
from lakehouse.table.planner import Plan
from lakehouse.table.snapshot import Month, MonthFile

MAX_RETAINED: Final = 1000
"""Snapshots that can be asked for at most, whatever the retention. None younger than it is deleted, though."""


SCRATCH_SETTING: Final = "COMPACTOR_SCRATCH_DIR"
"""The setting behind `CompactorOptions.scratch`, for errors that say what to change."""


@dataclass(frozen=True)
class CompactorOptions:
    """Bounds of a compactor; the settings say why their defaults are what they are."""

    scratch: Path
    scratch_max_bytes: int
    memory_mb: int
    threads: int
    months_at_once: int
    merge_max_files: int
    merge_max_bytes: int
    merge_max_rows: int
    commit_attempts: int
    retention_s: float
    file_max_bytes: int
    moving_file_max_bytes: int
    rest_s: float
    trusted_snapshot: int = 0


@dataclass(frozen=True)
class Merged:
    """A month made from `base` and landed `files`, and durable: `made` has files of `base` too, whose dates nothing
    touched. The commit sets `added_snapshot` of the others, which is 0 until then."""

    base: Month
    made: Month
    files: frozenset[str]
    conflicts: KeyConflicts = NO_CONFLICTS

    @property
    def new_files(self) -> tuple[MonthFile, ...]:
        """Those that no snapshot has yet."""
        return tuple(entry for entry in self.made.files if entry.added_snapshot == 0)


@dataclass(frozen=True)
class MonthResult:
    """The outcome of one month. `merged` are its new files; `error` is why this machine could not make one.

    `unreadable` maps names of objects left alone to what is wrong with them. `has_input` says that there was
    something to merge: then it replaces the error of an earlier try.
    """

    month: str
    merged: Merged | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    error: LakeError | None = None
    has_input: bool = False


@dataclass
class Report:
    """What one compaction did. `snapshot` is the latest that it saw or made, `commits` are the numbers that it made.

    `unreadable` maps names of objects left alone to what is wrong with them; `failed` the months that this machine
    could not merge to why, `not_rewritten` those of an older format that it could not rewrite, which nobody waits for;
    `unpublished` is what kept the outside tables from being brought up to it. Only the thread that runs the compactor
    changes it.
    """

    snapshot: int = 0
    commits: list[int] = field(default_factory=list)
    months: list[str] = field(default_factory=list)
    absorbed_files: int = 0
    rows: int = 0
    """Of the new month files."""
    written_bytes: int = 0
    """Of the new month files."""
    rebases: int = 0
    pending_files: int = 0
    conflicts: KeyConflicts = NO_CONFLICTS
    """Keys that two flights seem to share, of what was committed."""
    unreadable: dict[str, str] = field(default_factory=dict)
    failed: dict[str, LakeError] = field(default_factory=dict)
    not_rewritten: dict[str, LakeError] = field(default_factory=dict)
    unpublished: LakeError | OSError | None = None

    def add_results(self, results: Iterable[MonthResult]) -> None:
        """Of one try to merge the tail."""
        for result in results:
            self.unreadable |= result.unreadable
            if result.has_input:
                self.failed.pop(result.month, None)
            if result.error is not None:
                self.failed[result.month] = result.error

    def add_commit(self, plan: Plan, committed: Mapping[str, Merged]) -> None:
        """The months that the snapshot after that of `plan` has new files of."""
        absorbed = sum(len(made.files) for made in committed.values())
        self.snapshot = plan.snapshot.number + 1
        self.commits.append(self.snapshot)
        self.months = sorted({*self.months, *committed})
        self.absorbed_files += absorbed
        new_files = [entry for made in committed.values() for entry in made.new_files]
        self.rows += sum(entry.rows for entry in new_files)
        self.written_bytes += sum(entry.size for entry in new_files)
        self.pending_files = len(plan.tail) - absorbed
        self.conflicts = sum((made.conflicts for made in committed.values()), self.conflicts)
