"""`python -m tests.verification.model_checker [--big] [--traces]`: searches all configurations, prints each result."""

from __future__ import annotations

import argparse
import sys

from tests.verification.model_checker.configurations import BIG, SAFE, VARIANTS
from tests.verification.model_checker.starvation import simulate


def main() -> int:
    """0 when every search says what it must."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.model_checker", description="Searches the model of the lake."
    )
    parser.add_argument("--big", action="store_true", help="also the worlds that take minutes and some GB")
    parser.add_argument("--traces", action="store_true", help="also the steps by which each variant loses data")
    arguments = parser.parse_args()
    passed, searches, states = True, 0, 0
    print(f"{'configuration':60} {'states':>9} {'seconds':>8}  verdict")
    for configuration in (*SAFE, *VARIANTS, *(BIG if arguments.big else ())):
        outcome = configuration.search()
        expected = configuration.as_expected(outcome)
        searches, states = searches + 1, states + outcome.states
        passed = passed and expected
        verdict = f"loses data in {len(outcome.trace)} steps" if outcome.problem else str(outcome)
        note = "" if expected else "  NOT AS EXPECTED"
        print(f"{configuration.name:60} {outcome.states:9,} {outcome.seconds:8.1f}  {verdict}{note}", flush=True)
        if outcome.problem and (arguments.traces or not expected):
            print(outcome)
    for rebase in (False, True):
        commits = simulate({"slow": 60, "fast": 5}, run_s=1200, rebase=rebase).committed
        print(f"{'with' if rebase else 'without'} the rebase: slow {commits['slow']}, fast {commits['fast']} commits")
    print(f"{states:,} states in {searches} searches, {'all' if passed else 'NOT ALL'} as expected")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
