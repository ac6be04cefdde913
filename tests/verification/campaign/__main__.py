"""The long runs of all verifications: `make prove` (`--help` lists the sizes).

Resumes where it was interrupted. A run that has passed with the same sizes is not repeated (delete
the folder to start again). Exit code 1 when a run found something.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

from tests.verification.campaign.campaigns import Campaign, Sizes, campaigns
from tests.verification.campaign.ledger import ROOT, Ledger

_REPORT_S = 30.0


def main() -> int:
    options = _parser().parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "ledger.json")
    chosen = campaigns(Sizes(**{f.name: getattr(options, f.name) for f in fields(Sizes)}))
    failed = [each.name for each in chosen if each.name in options.only and not _run(each, folder, ledger)]
    print("\n".join(ledger.lines()))
    if failed:
        print(f"\nnot passed: {', '.join(failed)}; their output is in {folder}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for size in fields(Sizes):
        parser.add_argument(f"--{size.name.replace('_', '-')}", type=int, default=size.default, metavar="N")
    known = [each.name for each in campaigns(Sizes())]
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--folder", type=Path, default=Path("build/prove"), help="states, output and the ledger")
    return parser


def _run(campaign: Campaign, folder: Path, ledger: Ledger) -> bool:
    command = campaign.command(folder)
    if ledger.passed(campaign.name, command):
        print(f"{campaign.name}: passed already", flush=True)
        return True
    print(f"{campaign.name}: python -m {' '.join(command)}", flush=True)
    ledger.begin(campaign.name, command)
    code = _watch(campaign.name, command, folder / f"{campaign.name}.out", ledger)
    print(f"{campaign.name}: {'passed' if code == 0 else f'exit code {code}'}", flush=True)
    return code == 0


def _watch(name: str, command: list[str], output: Path, ledger: Ledger) -> int:
    """Runs it with its output in a file; now and then says how far it is and keeps the time that it took."""
    with output.open("a") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", *command], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
    began = time.monotonic()
    try:
        while (code := _wait(process)) is None:
            ledger.add(name, time.monotonic() - began, _last_line(output), None)
            began = time.monotonic()
            print(f"  {_last_line(output)}", flush=True)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    ledger.add(name, time.monotonic() - began, _last_line(output), code)
    return code


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_REPORT_S)
    except subprocess.TimeoutExpired:
        return None


def _last_line(output: Path) -> str:
    lines = output.read_text().splitlines()
    return lines[-1] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
