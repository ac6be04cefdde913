"""Answers by their tag, kept in memory: what was answered before needs no query. Bounded, the least used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

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

    def __init__(self, max_bytes: int, asked: Callable[[bool], None] | None = None) -> None:
        """0 keeps nothing. `asked` hears of each look whether the answer was there."""
        self._max_bytes = max_bytes
        self._asked = asked
        self._kept: OrderedDict[str, Result] = OrderedDict()  # least recently used first
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """What is kept, overhead included."""
        return self._bytes

    def get(self, tag: str) -> Result | None:
        """The answer with that tag, if it is kept."""
        found = self._kept.get(tag)
        if found is not None:
            self._kept.move_to_end(tag)
        if self._asked is not None:
            self._asked(found is not None)
        return found

    def has_room_for(self, body_bytes: int) -> bool:
        """Whether a body of that size is kept at all."""
        return body_bytes + _OVERHEAD_BYTES <= self._max_bytes // _SHARE

    def put(self, tag: str, result: Result) -> None:
        """Keeps an answer, unless it is too large."""
        if tag in self._kept or not self.has_room_for(len(result.body)):
            return
        self._kept[tag] = result
        self._bytes += result.size
        while self._bytes > self._max_bytes:
            self._bytes -= self._kept.popitem(last=False)[1].size
