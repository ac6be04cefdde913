"""Runs the commands as processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests._support.servers.http_server import serving_with

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
def storage_without_answers_to_uploads() -> Iterator[str]:
    """A server on this machine that lists nothing, takes every upload and never answers it; its URL.

    A writer that starts looks into its bucket, and would wait three seconds for an answer.
    """
    is_over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            is_over.wait()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with serving_with(Handler) as server:
        try:
            yield server.url
        finally:
            is_over.set()
