"""Long runs: chunks of seeds or kills in processes, with a state file to resume from."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from tests._support.state_file import State, load_state, save_state
from tests.verification.simulation.crashes import pairs_from, single_kills
from tests.verification.simulation.run import run
from tests.verification.simulation.scenario import from_seed

_REPORT_S = 10.0

Failures = list[str]
"""The report of each scenario that violated an invariant."""


def seeds(first: int, count: int, *, is_real: bool) -> tuple[int, Failures]:
    outcomes = ((seed, run(from_seed(seed, is_real=is_real))) for seed in range(first, first + count))
    return count, [f"seed {seed}: {outcome.violations[0]}" for seed, outcome in outcomes if outcome.violations]


def singles(first: int, count: int) -> tuple[int, Failures]:
    runs = [(each, run(each)) for each in islice(single_kills(), first, first + count)]
    return len(runs), [f"killed at {set(s.kill_at)}: {o.violations[0]}" for s, o in runs if o.violations]


def pairs(first: int, count: int) -> tuple[int, Failures]:
    runs = [(each, run(each)) for point in range(first, first + count) for each in pairs_from(point)]
    return len(runs), [f"killed at {set(s.kill_at)}: {o.violations[0]}" for s, o in runs if o.violations]


class Campaign:
    """A long run in ordered chunks, with its state in a file."""

    def __init__(
        self, kind: str, work: Callable[[int, int], tuple[int, Failures]], chunk: int, processes: int, path: Path | None
    ) -> None:
        self._processes = processes
        self._path = path
        self._work = work
        self._chunk = chunk
        self._kind = kind

    def run(self, first: int, last: int) -> int:
        state: State = {"kind": self._kind, "last": last, "next": first, "runs": 0, "failures": []}
        state = load_state(self._path, state, same=("kind", "last"))
        began = said = time.monotonic()
        runs = 0
        for start, count, (done, failures) in self._chunks(state["next"], last):
            runs += done
            state["runs"] += done
            state["failures"] += failures
            state["next"] = start + count
            save_state(self._path, state)
            for failure in failures:
                print(failure, flush=True)
            if time.monotonic() - said > _REPORT_S:
                said = time.monotonic()
                print(f"{state['next'] - 1}: {runs / (said - began):.1f} a second", flush=True)
        seconds = max(time.monotonic() - began, 0.001)
        print(
            f"{state['runs']} {self._kind}: {len(state['failures'])} violated an invariant;"
            f" {runs / seconds:.1f} a second"
        )
        return 1 if state["failures"] else 0

    def _chunks(self, first: int, last: int) -> Iterator[tuple[int, int, tuple[int, Failures]]]:
        starts = list(range(first, last + 1, self._chunk))
        counts = [min(self._chunk, last + 1 - start) for start in starts]
        if self._processes == 1:
            _keep_to_one_core()
            yield from ((s, c, self._work(s, c)) for s, c in zip(starts, counts, strict=True))
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self._processes, context, _keep_to_one_core) as pool:
            yield from zip(starts, counts, pool.map(self._work, starts, counts), strict=True)


def _keep_to_one_core() -> None:
    """The actors of a run are threads that hand over to each other: faster where they need not change cores."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
