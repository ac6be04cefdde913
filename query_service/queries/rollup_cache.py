"""What whole months contribute to answers, kept in memory: month files never change, so it never does either.

Bounded; the least used goes first. Knows nothing of what is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.table.snapshot import MonthFile

SHARE: Final = 32
"""One table takes at most this part of the room: a question over ten years has the tables of up to ten years and two
times eleven months in hand, which is then about what may be kept."""

_OVERHEAD_BYTES = 2000  # of a kept table beside its columns


class RollupCache:
    """Tables by their key. Lives on the event loop: not for threads."""

    def __init__(self, max_bytes: int) -> None:
        """0 keeps nothing."""
        self._max_bytes = max_bytes
        self._kept: BoundedLRU[str, pa.Table] = BoundedLRU(max_bytes)

    @property
    def keeps_any(self) -> bool:
        """Whether there is room for the smallest table."""
        return self.table_max_bytes > 0

    @property
    def table_max_bytes(self) -> int:
        """A larger table is not kept."""
        return self._max_bytes // SHARE - _OVERHEAD_BYTES

    @property
    def stats(self) -> CacheStats:
        """Since this object was made."""
        return self._kept.stats

    def get(self, key: str) -> pa.Table | None:
        """The table with that key, if it is kept."""
        return self._kept.get(key)

    def holds(self, key: str) -> bool:
        """Whether something is kept under that key."""
        return key in self._kept

    def put(self, key: str, table: pa.Table) -> bool:
        """Keeps a table; whether it is small enough for that."""
        size = table.get_total_buffer_size()
        if size > self.table_max_bytes:
            return False
        self._kept.put(key, table, size + _OVERHEAD_BYTES)
        return True

    def release(self, keys: Iterable[str]) -> None:
        """These are needed less than all others: they go first when room is needed."""
        for key in keys:
            self._kept.demote(key)


def key_of(shape: str, months: Sequence[MonthFile]) -> str:
    """Names what the table of `months` for a shape (its repr) depends on.

    The files by name and checksum: somebody may have restored another object under the name.
    """
    digest = hashlib.sha256(shape.encode("utf-8", "surrogatepass"))
    for month in months:
        digest.update(f"\0{month.name} {month.crc32c}".encode())
    return digest.hexdigest()
