"""Many fuzzed requests: `python -m tests.verification.fuzz.requests ...`

    --questions N --seed S [--state FILE]    so many; with the file, resumes where it stopped
    --question I --seed S                    one of them, with its answer

Most requests are our own; schemathesis makes 600 from the OpenAPI document first, then one in
twenty. Exit code 1 when an answer violated an invariant; each such request is printed as a curl
line.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests._support.state_file import State, load_state, save_state
from tests.verification.fuzz.requests.campaign import Campaign, campaign
from tests.verification.fuzz.requests.documented import PHASES, ask_documented
from tests.verification.fuzz.requests.lake import make_lake
from tests.verification.fuzz.requests.served import served

_CHUNK = 1000
_EXAMPLES = 10  # of schemathesis, a path and chunk
_REPORT_S = 10.0


def main() -> int:
    options = _parser().parse_args()
    logging.getLogger("query_service").setLevel(logging.CRITICAL)  # refusals are what is wanted here
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        lake = make_lake(folder / "served" / "lake")
        with campaign(folder) as own, served(lake, folder / "served" / "cache") as url:
            if options.question is not None:
                return _one(own, options.seed, options.question)
            before = lake.fingerprint()
            code = _run(own, url, _state(options), options)
            return code if lake.fingerprint() == before else _failed("a file of the lake was changed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.fuzz.requests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--questions", type=int, default=1000, metavar="N", help="default %(default)s")
    parser.add_argument("--seed", type=int, default=20_130_101, metavar="S", help="default %(default)s")
    parser.add_argument("--question", type=int, metavar="I", help="one question of the seed, by its number")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    return parser


def _state(options: argparse.Namespace) -> State:
    new: State = {"seed": options.seed, "next": 0, "asked": 0, "failures": []}
    return load_state(options.state, new, same=("seed",))


def _run(own: Campaign, url: str, state: State, options: argparse.Namespace) -> int:
    began = said = time.monotonic()
    first = state["asked"]
    while state["asked"] < options.questions:
        start = state["next"]
        outcome = own.ask(options.seed, range(start, start + _CHUNK))
        documented = ask_documented(url, options.seed + start, _EXAMPLES, phases=PHASES if start == 0 else ("fuzzing",))
        failures = outcome.failures + documented.failures
        state["asked"] += outcome.asked + documented.asked
        state["failures"] += failures
        state["next"] = start + _CHUNK
        save_state(options.state, state)
        for failure in failures:
            print(failure, flush=True)
        if time.monotonic() - said > _REPORT_S:
            said = time.monotonic()
            print(f"{state['asked']}: {(state['asked'] - first) / (said - began):.0f} a second", flush=True)
    print(f"{state['asked']} questions of seed {options.seed}: {len(state['failures'])} lines about broken answers")
    return 1 if state["failures"] else 0


def _one(own: Campaign, seed: int, number: int) -> int:
    question = own.question(seed, number)
    answer, broken = own.one(question)
    print(f"{question.kind}\n{question.curl()}\n\n{answer.status} {answer.headers}\n{answer.body.decode()[:5000]}\n")
    print(f"expected: {question.expected}")
    print("\n".join(broken) or "the invariants hold")
    return 1 if broken else 0


def _failed(text: str) -> int:
    print(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
