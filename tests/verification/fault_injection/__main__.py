"""`python -m tests.verification.fault_injection --seeds A..B [--state FILE]`: long runs on a storage that lies.

With the file, it resumes. Exit code 1 when an invariant was violated; each such seed is printed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from local_cloud.emulators.gcs import GcsServer
from tests.verification.fault_injection.run import run
from tests.verification.simulation.campaign import Campaign

_CHUNK = 5  # seeds a server: it keeps everything in memory


def seeds(first: int, count: int) -> tuple[int, list[str]]:
    failures = []
    with GcsServer() as server, tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            outcome = run(seed, server, Path(folder))
            failures += [f"seed {seed}: {violation}" for violation in outcome.violations[:1]]
    return count, failures


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.fault_injection",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_range, metavar="A..B", required=True, help="seeds A to B, both included")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # every lie is one
    first, last = options.seeds
    return Campaign("lying seeds", seeds, _CHUNK, options.processes, options.state).run(first, last)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("..")
    return int(first), int(last or first)


if __name__ == "__main__":
    sys.exit(main())
