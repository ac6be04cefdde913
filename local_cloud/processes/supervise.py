"""Runs the services as processes: starts them with settings, watches them, ends them in order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_STOP_WITHIN_S = 12.0  # the writer flushes for up to 8 s
_KILL_WITHIN_S = 1.0  # servers of their own end with it; what they hold is not wanted any more
_LOG_LINES = 15


class ProcessFailed(Exception):
    """A service ended or did not become ready; the message has the end of its log."""


class Processes:
    """`with Processes(logs) as processes:` ends all started processes, last one first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, _ in reversed(list(self._started)):
            self.stop(name)

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts `python -m ...arguments`, in a session of its own so that Ctrl-C reaches only us.

        It is killed when this process dies (on Linux, and when the thread ends that calls this).
        """
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "local_cloud.processes.child", str(os.getpid()), *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append((name, process))

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process, by force if it does not listen; returns its exit code."""
        process = self.process(name)
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # frozen, it would not even hear
        try:
            return process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            self._started = [(other, p) for other, p in self._started if p is not process]

    def kill(self) -> None:
        """Ends all of them within a second or two, whatever they are doing; what they hold is lost."""
        processes = [process for _, process in self._started]
        for how in (signal.SIGTERM, signal.SIGKILL):
            for process in (p for p in processes if p.poll() is None):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
            give_up_at = time.monotonic() + _KILL_WITHIN_S
            while any(process.poll() is None for process in processes) and time.monotonic() < give_up_at:
                time.sleep(0.02)
        self._started = []

    def process(self, name: str) -> subprocess.Popen[bytes]:
        return next(process for other, process in self._started if other == name)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def ended(self) -> dict[str, int]:
        """The exit codes of those that have ended by themselves; that of a signal is negative."""
        codes = {name: process.poll() for name, process in self._started}
        return {name: code for name, code in codes.items() if code is not None}

    def check(self) -> None:
        """Raises ProcessFailed when one of them has ended."""
        for name, code in self.ended().items():
            raise ProcessFailed(f"{name} exited with {code}:\n{self._end_of_log(name)}")

    def wait_until_answers(self, name: str, url: str, within_s: float = 30.0) -> None:
        """Returns when `url` answers with 200. Raises ProcessFailed."""
        deadline = time.monotonic() + within_s
        while True:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=5.0):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise ProcessFailed(f"{name}: {url}: {error}\n{self._end_of_log(name)}") from error
            time.sleep(0.1)

    def _end_of_log(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, else some free port of 127.0.0.1."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise OSError("no free port on 127.0.0.1")


def local_cloud_exports(processes: Processes, name: str = "cloud", within_s: float = 30.0) -> dict[str, str]:
    """The settings that `up`, started as `name`, prints once it serves. Raises ProcessFailed."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        processes.check()
        lines = processes.log(name).read_text().splitlines()
        exports = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        if "GOOGLE_CLOUD_PROJECT" in exports:
            return exports
        time.sleep(0.05)
    raise ProcessFailed(f"the local cloud did not start within {within_s:.0f} s")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (Linux: proc(5), fields 14 and 15 of `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
