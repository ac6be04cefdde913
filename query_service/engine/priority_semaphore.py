"""Who may keep a core busy: so many at once, in the order of coming, but those who finish something first."""

from __future__ import annotations

import asyncio
from collections import deque


class PrioritySemaphore:
    """Lives on the event loop: not for threads."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._finishing: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()

    async def acquire(self, is_finishing: bool) -> None:
        """Waits for a turn. `is_finishing`: what came before is held in memory until then, so it goes first."""
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        (self._finishing if is_finishing else self._beginning).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had been given to us just now
                self.release()
            raise

    def release(self) -> None:
        """Ends a turn: whoever waits is next."""
        for waiting in (self._finishing, self._beginning):
            while waiting:
                turn = waiting.popleft()
                if not turn.done():  # else its waiter has gone
                    turn.set_result(None)
                    return
        self._free += 1
