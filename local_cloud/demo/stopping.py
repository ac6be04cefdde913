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
        processes.kill()
        shutil.rmtree(folder, ignore_errors=True)
        _say_goodbye()
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


def _say_goodbye() -> None:
    """Nobody may be there to read it, and the streams may be in the middle of a write."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        begin = _SHOW_CURSOR if os.isatty(2) else ""
        os.write(2, f"{begin}demo: stopped, nothing is left of it\n".encode())
