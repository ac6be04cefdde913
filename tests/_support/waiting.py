"""Waiting for an effect, and not for a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

# Nothing that is waited for takes a second on a quiet machine; a busy one is given this long before a test fails.
PATIENCE_S = 20.0


def eventually(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Waits for an effect, not for a time."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {within_s} s: {what}"
        time.sleep(0.005)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
