"""Long runs of fuzzed messages: `python -m tests.verification.fuzz.messages ...`

    --messages 200000 --seed 1 [--state FILE]    mutated messages; with the file, resumes
    --hex 7b7d                                   one message
    --write-corpus                               afterwards, findings become the replayed corpus

Exit code 1 when a message violated an invariant.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from tests.verification.fuzz.messages.campaign import begin, resume, write_corpus
from tests.verification.fuzz.messages.invariants import check, signature

_CORPUS_BYTES = 60_000


def main() -> int:
    options = _parser().parse_args()
    if options.hex is not None:
        data = bytes.fromhex(options.hex)
        print(
            "\n".join(each.what for each in check([data]))
            or f"the invariants hold: {', '.join(sorted(signature(data)))}"
        )
        return 1 if check([data]) else 0
    state: Path | None = options.state
    campaign = resume(state, options.seed) if state is not None and state.exists() else begin(options.seed)
    began, first = time.monotonic(), campaign.done
    campaign.run(options.messages, partial(print, flush=True), state)
    rate = (campaign.done - first) / max(time.monotonic() - began, 0.001)
    broken = len(campaign.findings)
    print(
        f"{campaign.done} messages: {broken} violated an invariant;"
        f" {len(campaign.seen)} signatures; {rate:.0f} a second"
    )
    if options.write_corpus and not broken:
        print(f"{write_corpus(campaign.pool, _CORPUS_BYTES)} messages in the corpus")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.verification.fuzz.messages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--messages", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where to go on from, kept up to date")
    parser.add_argument("--hex", metavar="BYTES", help="checks one message")
    parser.add_argument("--write-corpus", action="store_true", help="replaces corpus.ndjson")
    return parser


if __name__ == "__main__":
    sys.exit(main())
