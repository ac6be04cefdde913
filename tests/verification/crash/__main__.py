"""Long runs of crash tests: `python -m tests.verification.crash --kills N --seed S [--state FILE]`

Rounds of kills, each on a fresh system in a fresh folder. With the state file, it resumes at the
round where it was interrupted. Exit code 1 when an invariant was violated: the seed and the history
are printed, and the folder of that round is kept. The state file records the failure for good.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from local_cloud.processes.supervise import ProcessFailed
from tests._support.state_file import State, load_state, save_state
from tests.verification.crash.invariants import InvariantViolated
from tests.verification.crash.round import Round

_KILLS_A_ROUND = 25  # about a minute with its start and end


def main() -> int:
    options = _parser().parse_args()
    state = _load(options)
    while state["kills_done"] < options.kills:
        _play(options, state)
    said = f"{len(state['failures'])} rounds violated an invariant" if state["failures"] else "the invariants hold"
    print(f"{state['kills_done']} kills in {state['seconds']:.0f} s, {said}: {state['kinds']}")
    return 1 if state["failures"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.crash",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=20_130_101, metavar="S", help="(default %(default)s)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    return parser


def _load(options: argparse.Namespace) -> State:
    new: State = {"seed": options.seed, "round": 0, "kills_done": 0, "seconds": 0.0, "kinds": {}, "failures": []}
    return load_state(options.state, new, same=("seed",))


def _play(options: argparse.Namespace, state: State) -> None:
    """One round, into the state."""
    seed, kills = f"{options.seed}/{state['round']}", min(_KILLS_A_ROUND, options.kills - state["kills_done"])
    folder = Path(tempfile.mkdtemp(prefix="flights-lakehouse-crash-"))
    began = time.monotonic()
    made = Round(folder, seed, kills)
    kinds: Counter[str] = Counter()
    try:
        kinds = made.run()
        shutil.rmtree(folder)
    except (InvariantViolated, ProcessFailed, httpx.HTTPError) as error:
        (folder / "history.txt").write_text("\n".join(made.history))
        print("\n".join(made.history), f"round {seed} of {kills} kills, in {folder}: {error}", sep="\n", flush=True)
        state["failures"].append(f"round {seed}: {error}"[:500])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    seconds = time.monotonic() - began
    state["round"] += 1
    state["kills_done"] += kills
    state["seconds"] += seconds
    state["kinds"] = dict(Counter(state["kinds"]) + kinds)
    save_state(options.state, state)
    print(f"round {seed}: {kills} kills in {seconds:.0f} s; {state['kills_done']} of {options.kills}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
