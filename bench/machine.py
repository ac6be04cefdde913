"""The machine: which cores serve and which ask, installed versions, a process's CPU and memory."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("duckdb", "pyarrow", "google-cloud-pubsub", "google-cloud-storage", "grpcio", "msgspec", "fastapi", "uvicorn"),
    *("polars", "chdb", "roapi"),
)


def _all_cores() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Cores:
    """The first core asks and plays the cloud; the others serve. With one core, both share it."""

    all: frozenset[int] = field(default_factory=_all_cores)

    @property
    def asking(self) -> frozenset[int]:
        return frozenset(sorted(self.all)[:1])

    @property
    def serving(self) -> frozenset[int]:
        return frozenset(sorted(self.all)[1:]) or self.all

    def of(self, number: int) -> frozenset[int]:
        """A single core for each of several processes, those that serve first; the next takes the first one again."""
        order = [*sorted(self.serving), *sorted(self.asking - self.serving)]
        return frozenset(order[number % len(order) :][:1])


def described(cores: Cores) -> dict[str, Any]:
    """What was measured on: printed above the table, kept in the JSON."""
    return {
        "cores": len(cores.all),
        "asking": sorted(cores.asking),
        "serving": sorted(cores.serving),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "versions": {package: _version(package) for package in _PACKAGES},
    }


def commit(root: Path, without: Sequence[str] = ()) -> str:
    """Of the checkout at `root`; `-dirty` when files differ from it, those of `without` aside."""
    git = ("git", "-C", str(root))
    left_out = [f":(exclude){path}" for path in without]
    try:
        head = _output(*git, "rev-parse", "--short", "HEAD")
        changed = _output(*git, "status", "--porcelain", "-uno", "--", ".", *left_out)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("-dirty" if changed else "")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def resident_mb(pid: int) -> float:
    """Memory that a process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def own_peak_mb() -> float:
    """The most memory that this process had. Its ru_maxrss begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / 1e6


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
