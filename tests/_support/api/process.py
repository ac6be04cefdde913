"""The API as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests._support.processes.commands import free_port

COMMAND = [sys.executable, "-m", "query_service"]


@contextmanager
def process(log: Path, **environment: str) -> Iterator[str]:
    """The service; its URL. Its log is a file: not a terminal."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("API_")}
    port = str(free_port())
    with log.open("wb") as stream:
        service = subprocess.Popen(
            [sys.executable, "-m", "query_service"],
            env=inherited | {"PORT": port, "API_HOST": "127.0.0.1"} | environment,
            stderr=stream,
        )
    try:
        give_up_at = time.monotonic() + 60
        while "running on" not in log.read_text():
            assert service.poll() is None, log.read_text()
            assert time.monotonic() < give_up_at, log.read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        service.wait(30)


@contextmanager
def started(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, once it listens (it logs the port that it was given), until the block ends."""
    with subprocess.Popen(COMMAND, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r'running on (http://[^\s"]+)', line):
                    yield process, found[1]
                    break
        finally:
            if process.poll() is None:
                process.kill()
