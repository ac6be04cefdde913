"""Records which of our source files some work visits: those whose functions run, on any thread."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
_IMPORT = "<module>"  # of a module, on the way: no step of the work


class VisitedFiles:
    """Files below `ROOT` of the given packages, in the order of their first visit."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self._prefixes = tuple(f"{ROOT / package}/" for package in packages)
        self._files: dict[str, None] = {}
        self._is_recording = False

    @contextmanager
    def on_all_threads(self) -> Iterator[None]:
        """Follows this thread and those that begin in the block."""
        before, before_elsewhere = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(before_elsewhere)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Only what runs in this block counts, and no finalizer of what earlier tests have left."""
        gc.collect()
        gc.disable()
        self._is_recording = True
        try:
            yield
        finally:
            self._is_recording = False
            gc.enable()

    @property
    def names(self) -> list[str]:
        """Relative to the repository."""
        return [str(Path(name).relative_to(ROOT)) for name in self._files]

    def __str__(self) -> str:
        return f"{len(self._files)} files:\n" + "\n".join(f"  {name}" for name in self.names)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        is_step = self._is_recording and event == "call" and code.co_name != _IMPORT
        if is_step and code.co_filename.startswith(self._prefixes):
            self._files.setdefault(code.co_filename)
