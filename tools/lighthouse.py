"""`python -m tools.lighthouse URL`: Lighthouse's scores of a page, on a phone and on a desktop.

lighthouse.json pins the version by the registry's integrity value, and says what each score has to be
at least. Exit 1: a score is lower; 2: nothing was measured, and the message says why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tools.browser import ARGUMENTS, find_chromium

RECORD: Final = Path(__file__).with_name("lighthouse.json")
FOLDER: Final = Path(__file__).parents[1] / "build" / "lighthouse"

_DEVICES: Final = {"phone": [], "desktop": ["--preset=desktop"]}
_WITHIN_S: Final = 300


class NotMeasuredError(Exception):
    """Lighthouse could not be had or did not run."""


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.lighthouse URL", file=sys.stderr)
        return 2
    record = json.loads(RECORD.read_text())
    try:
        program = installed(record)
        found = {device: scores(program, arguments[0], options) for device, options in _DEVICES.items()}
    except NotMeasuredError as error:
        print(f"lighthouse: NOTHING WAS MEASURED: {error}", file=sys.stderr)
        return 2
    for device, by_name in found.items():
        print(f"{device}: " + ", ".join(f"{name} {score:.0%}" for name, score in by_name.items()))
    low = [name for by_name in found.values() for name in too_low(by_name, record["at_least"])]
    return 1 if low else 0


def too_low(found: dict[str, float], at_least: dict[str, float]) -> list[str]:
    """The scores that are below what they have to be, or missing."""
    return [name for name, least in at_least.items() if found.get(name, 0.0) < least]


def installed(record: dict[str, Any]) -> Path:
    """The program of the package that `record` names, below `build/`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    package = f"{record['package']}@{record['version']}"
    options = ["--silent", "--ignore-scripts", "--no-audit", "--no-fund"]  # no code runs before it is known to be ours
    command = ["npm", "install", *options, "--prefix", str(FOLDER), package]
    try:
        subprocess.run(command, check=True, timeout=_WITHIN_S, cwd=FOLDER)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotMeasuredError(f"npm did not install {package} ({error}); install npm, or see what it says") from None
    if _integrity(record["package"]) != record["integrity"]:
        raise NotMeasuredError(f"{package} is not what {RECORD.name} names")
    return FOLDER / "node_modules" / ".bin" / "lighthouse"


def _integrity(package: str) -> str | None:
    """That of what npm installed; None where it does not say."""
    try:
        lock = json.loads((FOLDER / "node_modules" / ".package-lock.json").read_text())
    except (OSError, ValueError):
        return None
    found: str | None = lock.get("packages", {}).get(f"node_modules/{package}", {}).get("integrity")
    return found


def scores(program: Path, url: str, options: Sequence[str]) -> dict[str, float]:
    """Of the categories that lighthouse.json names, 0 to 1."""
    chromium = find_chromium()
    if chromium is None:
        raise NotMeasuredError("there is no Chromium here; install it (apt-get install chromium) or set CHROMIUM")
    names = json.loads(RECORD.read_text())["at_least"]
    flags = " ".join(["--headless=new", *ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])])
    command = [str(program), url, *options, "--quiet", "--output=json", f"--only-categories={','.join(names)}"]
    environment = os.environ | {"CHROME_PATH": chromium}
    command.append(f"--chrome-flags={flags}")
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_WITHIN_S, env=environment)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotMeasuredError(f"it did not run to its end: {error}") from None
    if done.returncode:
        raise NotMeasuredError(f"it ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        raise NotMeasuredError(f"its answer is no JSON ({error}): {done.stdout.strip()[:200]}") from None
    if failure := report.get("runtimeError"):
        raise NotMeasuredError(f"{failure['code']}: {failure['message']}")
    (FOLDER / f"report-{'desktop' if options else 'phone'}.json").write_text(done.stdout)
    return {name: report["categories"][name]["score"] or 0.0 for name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
