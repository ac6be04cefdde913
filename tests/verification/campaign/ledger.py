"""The record of runs (commit, duration, result) in one JSON file."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from tests._support.state_file import load_state, save_state

ROOT = Path(__file__).parents[3]


class Ledger:
    """One entry a campaign, also when it was interrupted and resumed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = load_state(path, {}, same=())

    def passed(self, name: str, command: list[str]) -> bool:
        """Whether exactly this has run to its end already and passed."""
        entry = self._entries.get(name, {})
        return entry.get("command") == command and entry.get("exit_code") == 0

    def begin(self, name: str, command: list[str]) -> None:
        """A sitting begins; one with another command is another run."""
        entry = self._entries.get(name, {})
        if entry.get("command") != command:
            entry = {"command": command, "seconds": 0.0, "commits": [], "began": _today()}
        entry |= {"exit_code": None, "machine": machine()}
        entry["commits"] = list(dict.fromkeys([*entry["commits"], commit()]))
        self._save(name, entry)

    def add(self, name: str, seconds: float, last_line: str, exit_code: int | None) -> None:
        """Adds `seconds`; None: it has not ended."""
        entry = self._entries[name]
        entry |= {"seconds": entry["seconds"] + seconds, "says": last_line, "exit_code": exit_code, "ended": _today()}
        self._save(name, entry)

    def lines(self) -> list[str]:
        """A Markdown table of all entries."""
        head = ["| run | says | took | on | commits | ended |", "|---|---|---|---|---|---|"]
        return head + [_line(name, entry) for name, entry in self._entries.items()]

    def _save(self, name: str, entry: dict[str, Any]) -> None:
        self._entries[name] = entry
        save_state(self._path, self._entries)


def commit() -> str:
    """The short name of the commit that is checked out; with `+` when files differ from it."""
    command = ["git", "describe", "--always", "--exclude", "*", "--dirty=+"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _line(name: str, entry: dict[str, Any]) -> str:
    took = f"{entry['seconds'] / 60:.0f} min"
    commits, ended = ", ".join(entry["commits"]), entry.get("ended", "")
    says = entry.get("says", "") if entry["exit_code"] == 0 else f"NOT PASSED ({entry['exit_code']})"
    return f"| {name} | {says} | {took} | {entry['machine']} | {commits} | {ended} |"


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
