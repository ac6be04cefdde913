"""Answers by their tag, kept in memory: what was answered before needs no query. Bounded, the least used goes first."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.bounded_lru import BoundedLRU, CacheStats

_SHARE = 8  # one answer takes at most an eighth: a few large ones do not drive out all the others
_OVERHEAD_BYTES = 1000  # of an entry beside its body


@dataclass(frozen=True)
class BodyHeaders:
    """What the headers say about a body: its coding, whether rows are missing, and where they are."""

    coding: str | None
    truncated: bool
    next_cursor: str | None


@dataclass(frozen=True)
class Result:
    """An answer as it is sent: the body, in its format and coding, and its label."""

    body: bytes
    label: BodyHeaders

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return len(self.body) + _OVERHEAD_BYTES


class Results:
    """Lives on the event loop: not for threads."""

    def __init__(self, max_bytes: int) -> None:
        """0 keeps nothing."""
        self._max_bytes = max_bytes
        self._kept: BoundedLRU[str, Result] = BoundedLRU(max_bytes)

    @property
    def stats(self) -> CacheStats:
        """Since this object was made. The bytes have the overhead in them."""
        return self._kept.stats

    def get(self, tag: str) -> Result | None:
        """The answer with that tag, if it is kept."""
        return self._kept.get(tag)

    def has_room_for(self, body_bytes: int) -> bool:
        """Whether a body of that size is kept at all."""
        return body_bytes + _OVERHEAD_BYTES <= self._max_bytes // _SHARE

    def put(self, tag: str, result: Result) -> None:
        """Keeps an answer, unless it is too large."""
        if tag not in self._kept and self.has_room_for(len(result.body)):
            self._kept.put(tag, result, result.size)
