"""The objects that an answer needs, and where they are on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.table.latest_sql import merged
from lakehouse.table.planner import LandedFile
from lakehouse.table.snapshot import MonthFile


@dataclass(frozen=True)
class FileSet:
    """Objects that an answer needs."""

    months: tuple[MonthFile, ...]
    tail: tuple[LandedFile, ...]

    @property
    def all(self) -> tuple[MonthFile | LandedFile, ...]:
        return (*self.months, *self.tail)

    @property
    def bytes(self) -> int:
        return sum(size for _, size in map(identity, self.all))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in map(identity, self.all))


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


def identity(file: MonthFile | LandedFile) -> tuple[str, int]:
    """Name and bytes of an object."""
    return (file.name, file.info.size) if isinstance(file, LandedFile) else (file.path, file.bytes)
