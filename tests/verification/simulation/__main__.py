"""Long runs of the simulation: `python -m tests.verification.simulation ...`

    --seeds 0..99999 [--processes N] [--state FILE]    many seeds; with the file, resumes
    --seed 42 [--trace]                                one, shrunk if it fails, or its trace
    crashes [--pairs]                                  a kill at each point of a script, or pair
    mutations                                          seeds that it takes to find each mutation

Exit code 1 when an invariant was violated (or a mutation not found).
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from tests.verification.simulation.campaign import Campaign, pairs, seeds, singles
from tests.verification.simulation.crashes import SCRIPT
from tests.verification.simulation.mutations import MUTATIONS, mutated
from tests.verification.simulation.run import run
from tests.verification.simulation.scenario import from_seed
from tests.verification.simulation.shrink import shrink

_CHUNK = 25  # seeds a task
_MUTATION_SEEDS = 2000


def main() -> int:
    options = _parser().parse_args()
    if options.command == "mutations":
        return _mutations()
    if options.command == "crashes":
        kind, work, chunk = ("pairs of kills", pairs, 1) if options.pairs else ("kills", singles, _CHUNK)
        return Campaign(kind, work, chunk, options.processes, options.state).run(0, len(run(SCRIPT).points) - 1)
    if options.seed is not None:
        return _one(options)
    if options.seeds is None:
        _parser().error("one of --seeds, --seed, crashes and mutations")
    first, last = options.seeds
    kind = "real seeds" if options.real else "seeds"
    work = partial(seeds, is_real=options.real)
    return Campaign(kind, work, _CHUNK, options.processes, options.state).run(first, last)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command", nargs="?", choices=["crashes", "mutations"], help="kill at every point of a script; find mutations"
    )
    parser.add_argument("--pairs", action="store_true", help="with crashes: at every pair of points")
    parser.add_argument("--seeds", type=_range, metavar="A..B", help="seeds A to B, both included")
    parser.add_argument("--seed", type=int, metavar="S", help="one seed, shrunk when it fails")
    parser.add_argument("--trace", action="store_true", help="with --seed: prints all that happened, unshrunk")
    parser.add_argument("--real", action="store_true", help="real Parquet files and the real DuckDB merge")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    return parser


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("..")
    return int(first), int(last or first)


def _one(options: argparse.Namespace) -> int:
    scenario = from_seed(options.seed, is_real=options.real)
    outcome = run(scenario, trace=options.trace)
    if outcome.violations and not options.trace:
        scenario, outcome = shrink(scenario)
    print(scenario)
    print("\n".join(outcome.trace))
    print(
        "\n".join(outcome.violations)
        or f"the invariants hold; {len(outcome.points)} points, {len(outcome.fired)} faults"
    )
    return 1 if outcome.violations else 0


def _mutations() -> int:
    """The number of seeds that it takes to find each mutation."""
    missed = 0
    for mutation in MUTATIONS:
        with mutated(mutation):
            runs = ((seed, run(from_seed(seed)).violations) for seed in range(_MUTATION_SEEDS))
            seed, violations = next(((seed, found) for seed, found in runs if found), (-1, ()))
        missed += not violations
        print(f"{mutation:<32} {f'seed {seed}: {violations[0]}' if violations else 'NOT FOUND'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
