"""Whether files of the lake can be written here: one look for all who ask, every few seconds at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lakehouse.errors import LocalDiskError


class DiskCheck:
    """Shares the outcome of one look at the disk. Lives on the event loop."""

    def __init__(self, look: Callable[[], None], max_age_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`look` raises LocalDiskError, and blocks; `max_age_s` is how long what it found is good for."""
        self._look = look
        self._max_age_s = max_age_s
        self._clock = clock
        self._looking: asyncio.Task[LocalDiskError | None] | None = None
        self._found: tuple[float, LocalDiskError | None] | None = None  # when it ended, and how

    async def check(self) -> None:
        """Raises LocalDiskError while nothing can be written."""
        if self._found is not None and self._clock() - self._found[0] <= self._max_age_s:
            error = self._found[1]
        else:
            if self._looking is None:
                self._looking = asyncio.create_task(self._looked())
            error = await asyncio.shield(self._looking)
        if error is not None:
            raise error.with_traceback(None)

    async def _looked(self) -> LocalDiskError | None:
        error = None
        try:
            await asyncio.to_thread(self._look)
        except LocalDiskError as found:
            error = found
        finally:
            self._looking = None
        self._found = self._clock(), error
        return error
