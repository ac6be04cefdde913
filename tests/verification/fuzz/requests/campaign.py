"""Sends requests one by one, keeps those that violate an invariant, checks the lake afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests._support.api.in_process import Api, serving
from tests.verification.fuzz.requests.asking import Answer, ask
from tests.verification.fuzz.requests.generator import Generator
from tests.verification.fuzz.requests.invariants import Invariants
from tests.verification.fuzz.requests.lake import Lake, make_lake
from tests.verification.fuzz.requests.oracle import Oracle
from tests.verification.fuzz.requests.question import Question


@dataclass
class Outcome:
    """The number of requests by kind and status, and the failures as text."""

    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return self.kinds.total()


class Campaign:
    """The application over `lake`, and its requests."""

    def __init__(self, api: Api, lake: Lake) -> None:
        self._api = api
        self._lake = lake
        self._oracle = Oracle(lake.events, lake.merged)
        self._generator = Generator(self._oracle)
        self.invariants = Invariants(api.json("/openapi.json"))
        self._before = lake.fingerprint()

    def ask(self, seed: int, numbers: range) -> Outcome:
        """Questions `numbers` of the seed, then whether everything is as it was."""
        outcome = Outcome()
        for number in numbers:
            question = self._generator.question(seed, number)
            answer, broken = self.one(question)
            outcome.kinds[question.kind] += 1
            outcome.statuses[answer.status] += 1
            outcome.failures += [f"question {number} of seed {seed} ({question.kind}): {each}" for each in broken]
            if broken:
                outcome.failures.append(f"    {question.curl()}")
        outcome.failures += self.changed()
        return outcome

    def question(self, seed: int, number: int) -> Question:
        return self._generator.question(seed, number)

    def one(self, question: Question) -> tuple[Answer, list[str]]:
        """The answer and its violations."""
        answer = self._api.run(ask(self._api.app, question))
        return answer, self.invariants.broken(question, answer)

    def changed(self) -> list[str]:
        """What the questions changed: nothing, or this."""
        found = [] if self._lake.fingerprint() == self._before else ["a file of the lake was changed"]
        everything = self._api.get("/v1/stats?group_by=carrier,month,status&order_by=-flights")
        expected = self._oracle.stats([("group_by", "carrier,month,status"), ("order_by", "-flights")])
        if everything.status_code != 200 or everything.json() != expected.body:
            found.append(f"DuckDB does not answer as before: {everything.status_code} {everything.text[:300]}")
        return found


@contextmanager
def campaign(folder: Path) -> Iterator[Campaign]:
    """A campaign over a new lake in `folder`.

    Nobody waits, not even for flights of the canary: 503 is the answer. How waiting goes is tested elsewhere.
    """
    lake = make_lake(folder / "lake")
    with serving(
        lake.store, cache_dir=folder / "cache", max_long_polls=0, canary_long_polls=0, plan_max_age_s=1.0
    ) as api:
        yield Campaign(api, lake)
