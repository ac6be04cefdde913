"""Caches rollups of whole months in memory. Month files never change, so rollups stay valid.

The size is bounded; the least recently used is evicted first. Knows nothing of their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

from lakehouse.bounded_lru import BoundedLRU, CacheStats
from lakehouse.table.snapshot import MonthFile

SHARE: Final = 32
"""One table takes at most this fraction of the cache: a request over ten years uses the tables of
up to ten years and of two times eleven months, which then still fit."""

_OVERHEAD_BYTES = 2000  # of a cached table, in addition to its columns


class RollupCache:
    """Tables by key. For one event loop; not thread-safe."""

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
        """Makes these the first to be evicted."""
        for key in keys:
            self._kept.demote(key)


def key_of(rollup_key: str, months: Sequence[MonthFile]) -> str:
    """The cache key of the rollup of `months` for the repr of a RollupKey.

    It has each file's name and checksum: an operator may have restored another object under a name.
    """
    digest = hashlib.sha256(rollup_key.encode("utf-8", "surrogatepass"))
    for month in months:
        digest.update(f"\0{month.name} {month.crc32c}".encode())
    return digest.hexdigest()
