"""Long runs of real kills: `python -m tests.kills --kills N --seed S [--state FILE]`

Rounds of kills, each over a fresh system in a fresh folder. With the state file, goes on at the round where it was cut
off. Exit code 1 when the law was broken: the seed and the history are printed, and the folder of that round is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from local_cloud.processes import ProcessFailed
from tests.kills.law import LawBroken
from tests.kills.round import Round

_KILLS_A_ROUND = 25  # about a minute with its start and end


def main() -> int:
    options = _parser().parse_args()
    state = _load(options)
    while state["kills_done"] < options.kills:
        if not _play(options, state):
            return 1
    print(f"{state['kills_done']} kills in {state['seconds']:.0f} s, the law holds: {state['kinds']}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=20_130_101, metavar="S", help="(default %(default)s)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    return parser


def _load(options: argparse.Namespace) -> dict[str, Any]:
    if options.state is not None and options.state.exists():
        state: dict[str, Any] = json.loads(options.state.read_text())
        if state["seed"] != options.seed:
            raise SystemExit(f"{options.state}: is the state of seed {state['seed']}")
        return state
    return {"seed": options.seed, "round": 0, "kills_done": 0, "seconds": 0.0, "kinds": {}}


def _play(options: argparse.Namespace, state: dict[str, Any]) -> bool:
    """One round; whether the law held."""
    seed, kills = f"{options.seed}/{state['round']}", min(_KILLS_A_ROUND, options.kills - state["kills_done"])
    folder = Path(tempfile.mkdtemp(prefix="flights-lakehouse-kills-"))
    began = time.monotonic()
    made = Round(folder, seed, kills)
    try:
        kinds = made.run()
    except (LawBroken, ProcessFailed, httpx.HTTPError) as error:
        (folder / "history.txt").write_text("\n".join(made.history))
        print("\n".join(made.history), f"round {seed} of {kills} kills, in {folder}: {error}", sep="\n", flush=True)
        return False
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)
    seconds = time.monotonic() - began
    state["round"] += 1
    state["kills_done"] += kills
    state["seconds"] += seconds
    state["kinds"] = dict(Counter(state["kinds"]) + kinds)
    if options.state is not None:
        new = options.state.with_suffix(".new")
        new.write_text(json.dumps(state))
        new.replace(options.state)
    print(f"round {seed}: {kills} kills in {seconds:.0f} s; {state['kills_done']} of {options.kills}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
