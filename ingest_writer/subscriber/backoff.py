"""How long to pause before the next try."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Exponential from 0.1 s up to a limit, with full jitter: many writers do not retry in step."""

    def __init__(self, rng: random.Random, max_s: float) -> None:
        self._rng = rng
        self._max_s = max_s

    def pause_s(self, failures: int) -> float:
        """After that many failures in a row."""
        return self._rng.uniform(0.05, min(self._max_s, 0.1 * 2 ** min(failures, 20)))

    async def pause(self, failures: int) -> None:
        """Sleeps for `pause_s`."""
        await asyncio.sleep(self.pause_s(failures))
