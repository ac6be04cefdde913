"""A soak: `python -m tests.verification.soak [--minutes N] [--seed S]`

Minutes of mixed load at half the capacity, with faults. Every answer is checked against an
independent oracle. A full one (15 minutes or more) that found nothing writes
`docs/reliability.md`. Exit code 1 when something was wrong; then the folder with the logs is kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.verification.soak.document import DOCUMENT, is_publishable, lines, publish
from tests.verification.soak.faults import FULL_S
from tests.verification.soak.soak import Soak


def main() -> int:
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flights-lakehouse-soak-"))
    outcome = Soak(folder, str(options.seed), options.minutes * 60, _say).run()
    print("", *lines(outcome), "", sep="\n")
    failures = outcome.failures()
    if is_publishable(outcome, options.publish):
        publish(outcome)
        print(f"written: {DOCUMENT}")
    if failures:
        print(*failures, f"what it left is in {folder}", sep="\n")
        return 1
    shutil.rmtree(folder)
    print(f"soak of {options.minutes:g} min, seed {options.seed}: {outcome.answers} answers, all as they should be")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    minutes = FULL_S / 60
    parser.add_argument("--minutes", type=float, default=minutes, metavar="N", help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=20_130_101, metavar="S", help="(default %(default)s)")
    parser.add_argument(
        "--publish", action="store_true", help="write the document though times were missed, on a busy machine say"
    )
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
