"""Shows the progress of a long job on stderr: a bar on a terminal, else lines at intervals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Often enough to see that a build log is alive, seldom enough not to fill it.
_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with every bit of progress."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(what, total).advance
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._next_line_at = time.monotonic() + _SECONDS_BETWEEN_LINES

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() >= self._next_line_at:
            self._next_line_at += _SECONDS_BETWEEN_LINES
            print(f"{self._done:,} of {self._total:,} {self._what}", file=sys.stderr, flush=True)
