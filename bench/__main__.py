"""`make bench`: measures both sides of every claim in one run; prints a table and writes JSON.

`make figures` measures only published figures whose code has changed since, and publishes them.

Everything runs on this machine: one core asks and plays the cloud, the others serve. Ratios are the result; times
only illustrate. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.catalogue import MEASURES, Measure
from bench.document import DOCUMENTS, write_documents
from bench.figure import Figure
from bench.fingerprint import fingerprint
from bench.machine import Cores, commit, described
from bench.published import PUBLISHED, ROOT, Measured, publish, read_published, stale
from bench.report import as_json, print_figures, print_machine, write_json
from bench.rig import NotMeasuredError, Rig
from bench.scale import ScaleData, cache_folder
from bench.sizes import QUICK, Sizes
from local_cloud.processes.supervise import Processes

_WRITTEN = (str(PUBLISHED.relative_to(ROOT)), *DOCUMENTS)  # what a run writes changes no code


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all was measured. 1: something was not, which the last lines say."""
    options = _options(arguments)
    cores = Cores()
    about = _about(cores)
    print_machine(about["commit"], about["machine"])
    figures: list[Figure] = []
    measured: list[Measured] = []
    missing: dict[str, str] = {}
    for measure in _chosen(options):
        began, code = time.monotonic(), fingerprint(ROOT, measure.sources)
        try:
            found = _figures(measure, QUICK if options.quick else Sizes(), cores)
        except NotMeasuredError as error:
            missing[measure.name] = str(error)
            continue
        seconds = round(time.monotonic() - began)
        print(f"{measure.name}: {seconds} s", flush=True)
        figures += found
        took = {"name": measure.name, "fingerprint": code, "seconds": seconds}
        measured.append(took | about | {"figures": [as_json(figure) for figure in found]})
        if options.publish:  # one by one: what is done stays when a later one fails
            publish(measured[-1])
            write_documents()
    print_figures(figures, missing)
    path = options.json or Path("build") / ("bench-only.json" if options.only or options.stale else "bench.json")
    write_json(path, measured, missing)
    print(f"written to {', '.join([str(path), *(_WRITTEN if options.publish else ())])}")
    return 1 if missing else 0


def _about(cores: Cores) -> dict[str, Any]:
    """When and where all of a run is measured."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return {"commit": commit(ROOT, without=_WRITTEN), "date": today, "machine": described(cores)}


def _chosen(options: argparse.Namespace) -> list[Measure]:
    chosen = stale(MEASURES, read_published()) if options.stale else MEASURES
    return [measure for measure in chosen if not options.only or measure.name in options.only]


def _figures(measure: Measure, sizes: Sizes, cores: Cores) -> list[Figure]:
    """Each measure has processes of its own, which end with it. This process keeps to the core that asks."""
    with (
        tempfile.TemporaryDirectory(prefix="flights-lakehouse-bench-") as folder,
        Processes(Path(folder)) as processes,
        ExitStack() as closing,
    ):
        rig = Rig(sizes, cores, Path(folder), processes, ScaleData(cache_folder()), closing)
        with rig.pinned(cores.asking):
            return measure.run(rig)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [measure.name for measure in MEASURES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: does the harness work? The times mean nothing"
    )
    parser.add_argument(
        "--json", type=Path, help="what was measured; default build/bench.json, of some measures build/bench-only.json"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help=f"put what was measured into {_WRITTEN[0]}, in the place of what is there, and write the documents",
    )
    parser.add_argument(
        "--stale", action="store_true", help="only what has changed since its figures were published; and publish it"
    )
    options = parser.parse_args(arguments)
    options.publish |= options.stale
    if options.quick and options.publish:
        parser.error("--quick gives no figures to publish")
    return options


if __name__ == "__main__":
    sys.exit(main())
