"""Which connections are open, and which of them wait for a request: the one that waited longest gives way.

Lives on the event loop: not for threads.
"""

from __future__ import annotations

import logging
from typing import Protocol

_log = logging.getLogger(__name__)


class Slot(Protocol):
    """A connection, as far as it matters here."""

    def give_way(self) -> None:
        """Closes it: others need its place more."""


class ConnectionSlots:
    """At most `max_connections` are open at once."""

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._open: set[Slot] = set()
        self._idle: dict[Slot, None] = {}  # in the order in which they began to wait

    def admit(self, slot: Slot) -> bool:
        """Takes a new connection, if need be in the place of an idle one; False when all others are busy."""
        if len(self._open) >= self._max_connections and not self._make_room():
            _log.warning("a connection is refused: %d are open, all of them busy", self._max_connections)
            return False
        self._open.add(slot)
        self._idle[slot] = None
        return True

    def busy(self, slot: Slot) -> None:
        """A whole head has come: the connection is not closed before its answer."""
        self._idle.pop(slot, None)

    def idle(self, slot: Slot) -> None:
        """Its answer has been sent."""
        if slot in self._open:
            self._idle.pop(slot, None)
            self._idle[slot] = None

    def left(self, slot: Slot) -> None:
        """The connection has ended."""
        self._open.discard(slot)
        self._idle.pop(slot, None)

    def _make_room(self) -> bool:
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self.left(longest)
        longest.give_way()
        _log.warning("the connection that was idle longest is closed for a new one: %d are open", self._max_connections)
        return True
