"""A long run: mutate, check, keep messages with new behaviour. A seed gives the same messages."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests._support.events.builders import encode, event
from tests._support.state_file import load_state, save_state
from tests.verification.fuzz.messages.invariants import Finding, check, signature
from tests.verification.fuzz.messages.mutations import fuzzed_message
from tests.verification.fuzz.messages.shrink import shrink

CORPUS: Final = Path(__file__).parent / "corpus.ndjson"
GROUP: Final = 50  # messages that are decoded and landed together
_POOL_MOST: Final = 2000  # messages to mutate further; beyond this, new ones replace old ones
_KEPT_BYTES: Final = 2000
_FINDINGS_MOST: Final = 20  # after that many, the rest is most likely the same
_PLAIN: Final = (encode(event()), encode(event()) + b"\n" + encode(event()), b"\xff")  # always in the corpus
_REPORT_S: Final = 10.0


@dataclass
class Campaign:
    """The progress of a run, all in its state file."""

    seed: int
    done: int = 0
    pool: list[bytes] = field(default_factory=list)
    seen: set[frozenset[str]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def run(self, messages: int, say: Callable[[str], None], state: Path | None = None) -> None:
        """Runs until `messages` have been checked in total. Violations are printed and kept."""
        began = said = time.monotonic()
        first = self.done
        while self.done < messages and len(self.findings) < _FINDINGS_MOST:
            self._group(say)
            if time.monotonic() - said > _REPORT_S:
                said = time.monotonic()
                rate = (self.done - first) / (said - began)
                say(f"{self.done} messages, {len(self.seen)} signatures, {rate:.0f} a second")
                save(self, state)
        save(self, state)

    def _group(self, say: Callable[[str], None]) -> None:
        number = self.done // GROUP
        rng = random.Random(f"{self.seed}/{number}")
        group = [fuzzed_message(rng, self.pool) for _ in range(GROUP)]
        self.done += GROUP
        found = check(group)
        for each in found:
            smaller = shrink(each)
            self.findings.append(smaller)
            say(f"seed {self.seed}, group {number}: {smaller.what}\n  {smaller.data!r}\n  hex {smaller.data.hex()}")
        if not found:
            for data in group:
                self.keep(data, rng)

    def keep(self, data: bytes, rng: random.Random) -> None:
        """Into the pool, if it does something new."""
        kind = signature(data)
        if kind in self.seen or len(data) > _KEPT_BYTES:
            return
        self.seen.add(kind)
        if len(self.pool) < _POOL_MOST:
            self.pool.append(data)
        else:
            self.pool[rng.randrange(_POOL_MOST)] = data


def begin(seed: int) -> Campaign:
    """A campaign that starts from the corpus."""
    campaign = Campaign(seed)
    for data in read_corpus():
        campaign.keep(data, random.Random(seed))
    return campaign


def read_corpus() -> list[bytes]:
    return [json.loads(line).encode("latin-1") for line in CORPUS.read_text("ascii").splitlines()]


def write_corpus(pool: list[bytes], most_bytes: int) -> int:
    """Keeps the shortest messages that show every single kind of outcome; returns how many."""
    pool = [*pool, *_PLAIN]
    missing = {kind for data in pool for kind in signature(data)}
    kept: list[bytes] = []
    for data in sorted(pool, key=len):
        new = signature(data) & missing
        if new and sum(map(len, kept)) + len(data) <= most_bytes:
            kept.append(data)
            missing -= new
    CORPUS.write_text("".join(f"{json.dumps(data.decode('latin-1'))}\n" for data in kept), "ascii")
    return len(kept)


# -- the state file --------------------------------------------------------------------------------------------


def save(campaign: Campaign, path: Path | None) -> None:
    state = {
        "seed": campaign.seed,
        "done": campaign.done,
        "pool": [data.hex() for data in campaign.pool],
        "seen": sorted(sorted(kinds) for kinds in campaign.seen),
        "findings": [[each.data.hex(), each.what] for each in campaign.findings],
    }
    save_state(path, state)


def resume(path: Path, seed: int) -> Campaign:
    """The campaign of the state file. Raises SystemExit when it is another seed's."""
    state = load_state(path, {"seed": seed}, same=("seed",))
    return Campaign(
        seed,
        state["done"],
        [bytes.fromhex(text) for text in state["pool"]],
        {frozenset(kinds) for kinds in state["seen"]},
        [Finding(bytes.fromhex(text), what) for text, what in state["findings"]],
    )
