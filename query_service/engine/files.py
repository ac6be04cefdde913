"""The objects that an answer needs, and where they are on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.table.latest_sql import merged
from lakehouse.table.planner import LandedFile
from lakehouse.table.snapshot import MonthFile
from lakehouse.table.stored_file import StoredFile


@dataclass(frozen=True)
class FileSet:
    """Objects that an answer needs."""

    months: tuple[MonthFile, ...]
    tail: tuple[LandedFile, ...]

    @property
    def all(self) -> tuple[StoredFile, ...]:
        return (*self.months, *self.tail)

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.all)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.all)


@dataclass(frozen=True)
class LocalFiles:
    """The files of a `FileSet` on disk, in the same order."""

    files: FileSet
    months: tuple[Path, ...]
    tail: tuple[Path, ...]
    merged_tail: tuple[Path, ...] | None = None
    """The state of the dates that the tail touches, if it has been decided already."""

    def state(self, where: str = "") -> str:
        """SELECT of the newest event per flight; `where` may name key columns only."""
        return merged(self.months, self.tail, {file.flight_date for file in self.files.tail}, where, self.merged_tail)
