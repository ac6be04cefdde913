"""A command in a terminal of its own, as a person has it: what it prints, and keys that are pressed."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PATIENCE_S = 120.0


class Terminal:
    """Reads only when it is asked to wait: a terminal holds some kB."""

    def __init__(self, pid: int, screen: int) -> None:
        self._pid = pid
        self._screen = screen
        self._began = time.monotonic()
        self.text = ""
        self.first_after_s: float | None = None

    def until(self, words: str, within_s: float = PATIENCE_S) -> None:
        give_up_at = time.monotonic() + within_s
        while words not in self.text:
            assert time.monotonic() < give_up_at, f"{words!r} is not in\n{self.text}"
            assert self._read(), f"it ended without {words!r}:\n{self.text}"

    def press_ctrl_c(self) -> None:
        os.write(self._screen, b"\x03")

    def ended(self) -> tuple[int, float]:
        """Exit code (a signal's is negative), and the seconds until then."""
        began = time.monotonic()
        while self._read():
            assert time.monotonic() < began + PATIENCE_S, f"it does not end:\n{self.text}"
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status), time.monotonic() - began

    def close(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, 9)
            os.waitpid(self._pid, 0)
        os.close(self._screen)

    def _read(self) -> bool:
        """False once it has ended."""
        if not select.select([self._screen], [], [], 0.05)[0]:
            return True
        try:
            read = os.read(self._screen, 65_536)
        except OSError:
            return False
        if read and self.first_after_s is None:
            self.first_after_s = time.monotonic() - self._began
        self.text += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


@contextlib.contextmanager
def terminal(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], list(command), {**environment, "TERM": "xterm", "COLUMNS": "80"})
    shown = Terminal(pid, screen)
    try:
        yield shown
    finally:
        shown.close()
