"""Runs the commands as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOPIC = "projects/local/topics/flights"
SUBSCRIPTION = "projects/local/subscriptions/flights-writer"


# Nothing here takes more than a second or two on a quiet machine; a busy one is given this long.
PATIENCE_S = 30.0

_PREFIXES = ("WRITER_", "COMPACTOR_", "LAKE_URL", "PUBSUB_", "STORAGE_EMULATOR_HOST")


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with exactly these settings of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}
    return inherited | settings


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ingest_writer", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


class Process:
    """A command that runs until it is stopped. `log` is its output."""

    def __init__(self, arguments: tuple[str, ...], settings: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ingest_writer", *arguments],
                env=environment(**settings),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for an effect, not for a time."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not condition():
            assert self._process.poll() is None, f"it has ended; {self.log}"
            assert time.monotonic() < give_up_at, f"not within {PATIENCE_S} s: {what}; {self.log}"
            time.sleep(0.02)

    def terminate(self) -> tuple[int, float]:
        """Sends SIGTERM; returns the exit code and how many seconds the end took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_S)
        return code, time.monotonic() - began

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


@contextmanager
def started(log: Path, *arguments: str, **settings: str) -> Iterator[Process]:
    process = Process(arguments, settings, log)
    try:
        yield process
    finally:
        process.kill()


def get(url: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body; (0, {}) when nothing listens yet."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except urllib.error.URLError:
        return 0, {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def silent_server() -> Iterator[str]:
    """A server on this machine that takes connections and never answers; gives `host:port`."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)  # the kernel accepts connections; nothing ever reads
        yield f"127.0.0.1:{server.getsockname()[1]}"
