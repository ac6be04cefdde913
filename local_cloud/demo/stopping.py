"""Ends the demo at once, at any moment: its processes, its folder, then itself.

A KeyboardInterrupt would be swallowed or printed by whatever it comes into: a library's thread, an import, a
destructor. The signal's handler does all of it instead, and no other code of this process runs afterwards.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from local_cloud.processes.supervise import Processes

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR: Final = "\r\x1b[?25h\x1b[K"


@contextlib.contextmanager
def stopped_at_once() -> Iterator[Processes]:
    """Processes for the block, with a folder that they write to; both are gone after it, and after a signal."""
    # Named before it is made: a signal in between finds it.
    folder = Path(tempfile.gettempdir()) / f"flights-lakehouse-demo-{secrets.token_hex(6)}"
    processes = Processes(folder)

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)  # once is enough
        shown = _silence()
        processes.kill()
        shutil.rmtree(folder, ignore_errors=True)
        _say_goodbye(shown)
        os._exit(128 + number)

    handlers = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        folder.mkdir(mode=0o700)
        with processes:
            yield processes
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _silence() -> int:
    """Lets no thread say that the processes are gone; a descriptor that still leads where standard error did."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # it may be in the middle of a write
        sys.stdout.flush()
    shown = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    return shown


def _say_goodbye(shown: int) -> None:
    """Nobody may be there to read it."""
    with contextlib.suppress(OSError):
        begin = _SHOW_CURSOR if os.isatty(shown) else ""
        os.write(shown, f"{begin}demo: stopped, nothing is left of it\n".encode())
