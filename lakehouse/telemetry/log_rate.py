"""A handler that writes only so many warnings of one kind a minute, and says how many it kept back.

Without it whoever can cause a warning fills a disk: 1,100 silent connections wrote 49 MB.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, TextIO

WINDOW_S: Final = 60.0

LINES_PER_MINUTE: Final = 60
"""One a second of each kind: enough to see that it goes on, 20 MB a day at most."""

_Kind = tuple[str, int, str, int]


@dataclass
class _Window:
    began_s: float
    first: logging.LogRecord
    written: int = 0
    suppressed: int = 0


class LogBudget:
    """Counts lines by kind: the place in the code that writes them. Kinds are as many as there are such places."""

    def __init__(self, lines_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines_per_minute = lines_per_minute
        self._clock = clock
        self._windows: dict[_Kind, _Window] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Whether it is written. What is no warning always is, and the line of a request: metrics are made of them."""
        if record.levelno < logging.WARNING or "httpRequest" in getattr(record, "fields", {}):
            return True
        kind = (record.name, record.levelno, record.pathname, record.lineno)
        window = self._windows.setdefault(kind, _Window(self._clock(), record))
        if window.written < self._lines_per_minute:
            window.written += 1
            return True
        window.suppressed += 1
        return False

    def summaries(self, is_last: bool = False) -> Iterator[logging.LogRecord]:
        """Ends windows that are over, all when `is_last`: a line for each that kept lines back."""
        now_s = self._clock()
        over = [kind for kind, one in self._windows.items() if is_last or now_s - one.began_s >= WINDOW_S]
        for kind in over:
            window = self._windows.pop(kind)
            if window.suppressed:
                yield _summary(window)


def _summary(window: _Window) -> logging.LogRecord:
    first = window.first
    message = "%d more lines like this one were suppressed within a minute: %s"
    shown = first.getMessage().partition("\n")[0][:200]
    record = logging.LogRecord(first.name, first.levelno, first.pathname, first.lineno, message, None, None)
    record.args = (window.suppressed, shown)
    record.fields = {"suppressed": window.suppressed}
    return record


class RateLimitedHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream within a budget. What it kept back is told with the next line of any kind, or at the end."""

    def __init__(self, stream: TextIO, budget: LogBudget) -> None:
        super().__init__(stream)
        self._budget = budget

    def emit(self, record: logging.LogRecord) -> None:
        for summary in self._budget.summaries():
            super().emit(summary)
        if self._budget.admits(record):
            super().emit(record)

    def close(self) -> None:
        with self.lock or nullcontext():
            for summary in self._budget.summaries(is_last=True):
                super().emit(summary)
        super().close()
