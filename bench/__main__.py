"""`make bench`: measures both sides of every claim in one run; prints a table and writes JSON.

Everything runs on this machine: one core asks and plays the cloud, the others serve. Ratios are the result; times
only illustrate. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.catalogue import MEASURES, Measure
from bench.figure import Figure
from bench.machine import Cores, described
from bench.report import print_figures, print_machine, write_json
from bench.rig import NotMeasuredError, Rig
from bench.scale import ScaleData, cache_folder
from bench.sizes import QUICK, Sizes
from local_cloud.processes.supervise import Processes


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all was measured. 1: something was not, which the last lines say."""
    options = _parser().parse_args(arguments)
    cores = Cores()
    machine = described(cores)
    print_machine(machine)
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    started = time.monotonic()
    for measure in MEASURES:
        if options.only and measure.name not in options.only:
            continue
        began = time.monotonic()
        try:
            figures += _measured(measure, QUICK if options.quick else Sizes(), cores)
        except NotMeasuredError as error:
            missing[measure.name] = str(error)
        print(f"{measure.name}: {time.monotonic() - began:.0f} s", flush=True)
    print_figures(figures, missing)
    machine["seconds"] = round(time.monotonic() - started)
    path = options.json or Path("build") / ("bench-only.json" if options.only else "bench.json")
    write_json(path, machine, figures, missing)
    print(f"written to {path}")
    return 1 if missing else 0


def _measured(measure: Measure, sizes: Sizes, cores: Cores) -> list[Figure]:
    """Each measure has processes of its own, which end with it. This process keeps to the core that asks."""
    with (
        tempfile.TemporaryDirectory(prefix="flights-lakehouse-bench-") as folder,
        Processes(Path(folder)) as processes,
        ExitStack() as closing,
    ):
        rig = Rig(sizes, cores, Path(folder), processes, ScaleData(cache_folder()), closing)
        with rig.pinned(cores.asking):
            return measure.run(rig)


def _parser() -> argparse.ArgumentParser:
    names = [measure.name for measure in MEASURES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: does the harness work? The figures mean nothing"
    )
    parser.add_argument(
        "--json", type=Path, help="what was measured; default build/bench.json, of some measures build/bench-only.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
