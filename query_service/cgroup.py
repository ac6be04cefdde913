"""Reads the memory limit of this process's container from its control groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_V2_FILE, _V1_FILE = "memory.max", "memory.limit_in_bytes"


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """The smallest limit of this process's groups; None when there is none below what the machine has."""
    limits = [limit for file in _limit_files(root) if (limit := _number(file)) is not None]
    limit = min(limits, default=None)
    machine = _machine_bytes(root)
    return None if limit is None or (machine is not None and limit >= machine) else limit


def _limit_files(root: Path) -> Iterator[Path]:
    """Of each group that this process is in and those around it; a container often sees its own as the outermost."""
    base = root / "sys/fs/cgroup"
    yield base / _V2_FILE
    yield base / "memory" / _V1_FILE
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        below = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(1, len(below) + 1):
            if controllers == "":
                yield base.joinpath(*below[:depth]) / _V2_FILE
            elif "memory" in controllers.split(","):
                yield (base / "memory").joinpath(*below[:depth]) / _V1_FILE


def _machine_bytes(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _number(file: Path) -> int | None:
    """None when the file is not there, or says `max`."""
    text = _text(file).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
