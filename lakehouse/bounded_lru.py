"""A bounded LRU cache: the one eviction policy of all our caches.

cachetools' LRUCache cannot skip pinned entries, does not report what it evicts, and has no
counters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class CacheStats:
    """Counters of a cache since it was made, and the bytes that it takes now."""

    hits: int = 0
    misses: int = 0
    """Lookups that found nothing, or nothing usable."""
    evictions: int = 0
    bytes: int = 0


def _never(_: object) -> bool:
    return False


def _always(_: object) -> bool:
    return True


class BoundedLRU(Generic[K, V]):
    """Values by key, each with a size. The least recently used value is evicted first.

    Not thread-safe. A method that makes room returns the evicted values, so that the caller can
    release files or other resources.
    """

    def __init__(self, max_size: int, is_pinned: Callable[[V], bool] = _never) -> None:
        """`max_size` in the unit of the sizes. What `is_pinned` is never given up for others."""
        self._max_size = max_size
        self._is_pinned = is_pinned
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()  # least recently used first
        self._size = 0
        self._hits = 0
        self._misses = 0
        self._evictions = 0

    @property
    def stats(self) -> CacheStats:
        """`bytes` is the sum of the sizes, in the unit that the caller uses."""
        return CacheStats(self._hits, self._misses, self._evictions, self._size)

    @property
    def size(self) -> int:
        """Of all that is here."""
        return self._size

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        """Keys, the least recently used first."""
        return iter(self._entries)

    def get(self, key: K, is_usable: Callable[[V], bool] = _always) -> V | None:
        """The value, used now; a hit or a miss. One that is not usable stays, and is a miss."""
        entry = self._entries.get(key)
        if entry is None or not is_usable(entry[0]):
            self._misses += 1
            return None
        self._hits += 1
        self._entries.move_to_end(key)
        return entry[0]

    def peek(self, key: K) -> V | None:
        """The value, neither used nor counted."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: K, value: V, size: int = 1) -> list[V]:
        """Takes a value, used now; returns the key's earlier one, and what had to go.

        A value larger than the whole cache is evicted at once.
        """
        replaced = self.remove(key)
        self._entries[key] = value, size
        self._size += size
        evicted = self.make_room(0)
        return evicted if replaced is None else [replaced, *evicted]

    def make_room(self, size: int) -> list[V]:
        """Evicts unpinned values until something of that size fits."""
        over = self._size + size - self._max_size
        return self.evict(over)

    def evict(self, size: int) -> list[V]:
        """Evicts unpinned values until they have that size together, or none is left."""
        given_up: list[K] = []
        left = size
        for key, (value, taken) in self._entries.items():
            if left <= 0:
                break
            if not self._is_pinned(value):
                given_up.append(key)
                left -= taken
        self._evictions += len(given_up)
        return self._removed(given_up)

    @property
    def unpinned_size(self) -> int:
        """Of what could be evicted."""
        return sum(size for value, size in self._entries.values() if not self._is_pinned(value))

    def clear(self) -> list[V]:
        """Forgets all that is not pinned, which is no eviction; returns it."""
        forgotten = [key for key, (value, _) in self._entries.items() if not self._is_pinned(value)]
        return self._removed(forgotten)

    def has_room_for(self, size: int) -> bool:
        """Whether something of that size fits without an eviction."""
        return self._size + size <= self._max_size

    def remove(self, key: K) -> V | None:
        """Forgets the key, which is no eviction; its value, if there was one."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._size -= entry[1]
        return entry[0]

    def _removed(self, keys: list[K]) -> list[V]:
        return [value for key in keys if (value := self.remove(key)) is not None]

    def demote(self, key: K) -> None:
        """The value counts as the least recently used."""
        if key in self._entries:
            self._entries.move_to_end(key, last=False)
