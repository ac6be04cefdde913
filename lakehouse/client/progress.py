"""A line on the terminal that shows how much of a download is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Final, TextIO

_FIRST_S: Final = 0.5
"""Before that nothing is shown: most downloads are done by then."""
_EVERY_S: Final = 0.2
_WIDTH: Final = 30

Watch = Callable[[Sequence[Future[Path]], int, Path], None]
"""Waits for downloads, of so many bytes together, into a folder."""


def no_watch(downloads: Sequence[Future[Path]], _: int, __: Path) -> None:
    """Only waits."""
    wait(downloads)


def bar_on(stream: TextIO) -> Watch:
    """A bar on `stream`; none when that is not a terminal."""
    if not stream.isatty():
        return no_watch

    def watch(downloads: Sequence[Future[Path]], size: int, folder: Path) -> None:
        pending = wait(downloads, _FIRST_S).not_done
        is_shown = bool(pending)
        while pending:
            done = min(_bytes_in(folder), size)
            stream.write(f"\r{line(done, size)}\x1b[K")
            stream.flush()
            pending = wait(downloads, _EVERY_S).not_done
        if is_shown:
            stream.write("\r\x1b[K")
            stream.flush()

    return watch


def line(done: int, size: int) -> str:
    """`[######      ] 12 of 26 MB`."""
    filled = done * _WIDTH // size if size else _WIDTH
    return f"[{'#' * filled}{' ' * (_WIDTH - filled)}] {done / 1e6:,.0f} of {size / 1e6:,.0f} MB"


def _bytes_in(folder: Path) -> int:
    """Of the files in it, and of those that are being downloaded."""
    found = 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                found += path.stat().st_size
    return found
