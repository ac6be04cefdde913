"""What whole months contribute to answers, kept in memory: month files never change, so it never does either.

Bounded; the least used goes first. Knows nothing of what is kept.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from lakehouse.table.snapshot import MonthFile

SHARE: Final = 32
"""One table takes at most this part of the room: a question over ten years has the tables of up to ten years and two
times eleven months in hand, which is then about what may be kept."""

_OVERHEAD_BYTES = 2000  # of a kept table beside its columns


@dataclass(frozen=True)
class RollupCacheCounts:
    """How many tables were found, how many were made and kept, and the bytes of those that are kept now."""

    found: int = 0
    made: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class _Kept:
    table: pa.Table
    size: int


class RollupCache:
    """Tables by their key. Lives on the event loop: not for threads."""

    def __init__(self, max_bytes: int) -> None:
        """0 keeps nothing."""
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # least recently used first
        self._counts = RollupCacheCounts()

    @property
    def keeps_any(self) -> bool:
        """Whether there is room for the smallest table."""
        return self.table_max_bytes > 0

    @property
    def table_max_bytes(self) -> int:
        """A larger table is not kept."""
        return self._max_bytes // SHARE - _OVERHEAD_BYTES

    @property
    def counts(self) -> RollupCacheCounts:
        """Since this object was made."""
        return self._counts

    def get(self, key: str) -> pa.Table | None:
        """The table with that key, if it is kept."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._count(found=1)
        self._kept.move_to_end(key)
        return kept.table

    def holds(self, key: str) -> bool:
        """Whether something is kept under that key."""
        return key in self._kept

    def put(self, key: str, table: pa.Table) -> bool:
        """Keeps a table; whether it is small enough for that."""
        size = table.get_total_buffer_size()
        if size > self.table_max_bytes:
            return False
        self._forget(key)
        self._kept[key] = _Kept(table, size + _OVERHEAD_BYTES)
        self._count(made=1, size=size + _OVERHEAD_BYTES)
        while self._counts.bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))
        return True

    def release(self, keys: Iterable[str]) -> None:
        """These are needed less than all others: they go first when room is needed."""
        for key in keys:
            if key in self._kept:
                self._kept.move_to_end(key, last=False)

    def _forget(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._count(size=-dropped.size)

    def _count(self, found: int = 0, made: int = 0, size: int = 0) -> None:
        counts = self._counts
        self._counts = RollupCacheCounts(counts.found + found, counts.made + made, counts.bytes + size)


def key_of(shape: str, months: Sequence[MonthFile]) -> str:
    """Names what the table of `months` for a shape (its repr) depends on.

    The files by name and checksum: somebody may have restored another object under the name.
    """
    digest = hashlib.sha256(shape.encode("utf-8", "surrogatepass"))
    for month in months:
        digest.update(f"\0{month.path} {month.crc32c}".encode())
    return digest.hexdigest()
