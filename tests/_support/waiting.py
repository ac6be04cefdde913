"""Waiting for an effect, and not for a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

# Nothing that is waited for takes a second on a quiet machine; a busy one is given this long before a test fails.
PATIENCE_S = 20.0


def eventually(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Waits for an effect, not for a time."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {within_s} s: {what}"
        time.sleep(0.005)


@dataclass(frozen=True)
class TickingWait:
    """Waits while a system runs; `tick` looks after it every `tick_s`, and may raise."""

    tick: Callable[[], None]
    tick_s: float
    patience_s: float
    error: type[Exception]
    """Raised when an effect does not come within `patience_s`."""

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self.tick_s))
            self.tick()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        give_up_at = time.monotonic() + self.patience_s
        while not condition():
            if time.monotonic() > give_up_at:
                raise self.error(f"not within {self.patience_s:.0f} s: {what}")
            time.sleep(self.tick_s)
            self.tick()


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
