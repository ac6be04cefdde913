"""How far a load is: on a terminal one line that changes, elsewhere a line every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TextIO

from ingest_writer.backfill.readers.model import printable

_EVERY_S: Final = {True: 0.1, False: 5.0}  # by whether it is a terminal: smooth for eyes, few lines for logs
_BAR: Final = 24


class Progress:
    """Rows (or megabytes), how many a second and the time left of one step after the other."""

    def __init__(self, out: TextIO, clock: Callable[[], float]) -> None:
        self._out = out
        self._clock = clock
        self._is_terminal = out.isatty()
        self._what = self._unit = ""
        self._begin = self._shown = clock()
        self._done = 0
        self._share = 0.0
        self._width = 0

    def step(self, what: str, unit: str = "rows") -> None:
        """Begins a step, which is counted in that unit or in none, and says so at once."""
        self._what, self._unit, self._done, self._share = printable(what), unit, 0, 0.0
        self._begin = self._clock()
        self._show()

    def at(self, done: int, share: float) -> None:
        """So much of the step is done, which is this share of it; 0 is not known."""
        self._done, self._share = done, min(share, 1.0)
        if self._clock() - self._shown >= _EVERY_S[self._is_terminal]:
            self._show()

    def done(self) -> None:
        """Ends the step's line."""
        self._show()
        if self._is_terminal:
            self._out.write("\n")
            self._out.flush()
            self._width = 0

    def _show(self) -> None:
        self._shown = self._clock()
        text = self._text(self._shown - self._begin)
        if self._is_terminal:
            self._out.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def _text(self, seconds: float) -> str:
        parts = [self._what]
        if self._share:
            filled = round(self._share * _BAR)
            parts.append(f"{'#' * filled}{'.' * (_BAR - filled)} {self._share:4.0%}")
        if self._unit:
            parts.append(f"{self._done:,} {self._unit}")
        if seconds > 0 and self._done:
            parts.append(f"{self._done / seconds:,.0f} {self._unit}/s")
        if 0 < self._share < 1 and seconds > 0:
            parts.append(f"{_duration(seconds / self._share - seconds)} left")
        return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
