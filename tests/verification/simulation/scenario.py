"""Makes a scenario from a seed: actors, messages, fault rates. A value, so it can be shrunk."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Outage:
    """All calls to `what` (`store` or `subscription`) fail from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    what: str


@dataclass(frozen=True)
class Scenario:
    """Everything that a run depends on."""

    seed: int
    writers: int = 1
    compactors: int = 1
    collectors: int = 0
    readers: int = 1
    messages: int = 10
    flights: int = 4
    duration_s: float = 30.0
    fault_rate: float = 0.0
    kill_rate: float = 0.0
    slow_rate: float = 0.0
    slow_s: float = 30.0
    stop_rate: float = 0.0
    pace_s: float = 0.05
    round_s: float = 4.0
    page_size: int = 1000
    retention_s: float = 0.0
    delete_grace_s: float = 0.0
    merge_max_files: int = 1000
    commit_attempts: int = 5
    batch_max_rows: int = 20
    batch_max_age_s: float = 1.0
    ack_deadline_s: float = 20.0
    lease_max_s: float = 60.0
    store_jitter_s: float = 0.0
    skew_h: float = 0.0
    rewrite_rate: float = 0.0
    """How often a compactor takes a month file for one of an older format, which it then writes anew."""
    file_max_bytes: int = 64_000_000
    moving_file_max_bytes: int = 1_000_000
    rest_s: float = 172_800.0
    """Layout of month files: from a file a date to a file a month, joined at once or never."""
    outages: tuple[Outage, ...] = ()
    is_real: bool = False
    """Real Parquet files and the real DuckDB merge; else rows are pickled, which is ten times faster."""
    kill_at: frozenset[int] = frozenset()
    """Points of kills, numbered through the run: one before and one after every operation."""
    only_faults: frozenset[str] | None = None
    """Faults that may still happen; None: all that the rates bring about."""


def from_seed(seed: int, *, is_real: bool = False) -> Scenario:
    """The scenario of `seed`; every kind of trouble is absent in some of them, so that none hides another."""
    rng = random.Random(f"scenario {seed}")
    duration_s = rng.choice([10.0, 20.0, 30.0])
    outages = tuple(
        Outage(start, start + rng.uniform(1, 8), rng.choice(["store", "subscription"]))
        for start in (rng.uniform(0, duration_s) for _ in range(rng.choice([0, 0, 0, 1, 2])))
    )
    return Scenario(
        seed,
        writers=rng.choice([1, 1, 2, 2, 3, 5]),
        compactors=rng.choice([1, 2, 2, 3]),
        collectors=rng.choice([0, 0, 1, 2]),
        readers=rng.choice([1, 1, 2]),
        messages=rng.choice([4, 8, 16, 24]),
        flights=rng.choice([1, 3, 6, 10]),
        duration_s=duration_s,
        fault_rate=rng.choice([0.0, 0.02, 0.05, 0.15]),
        kill_rate=rng.choice([0.0, 0.0, 0.005, 0.02]),
        slow_rate=rng.choice([0.0, 0.02, 0.06]),
        slow_s=rng.choice([5.0, 15.0, 30.0]),
        stop_rate=rng.choice([0.0, 0.1]),
        pace_s=rng.choice([0.01, 0.05, 0.2]),
        round_s=rng.choice([1.0, 2.0, 5.0]),
        page_size=rng.choice([1, 2, 5, 1000]),
        retention_s=rng.choice([0.0, 0.0, 3.0, 15.0]),
        delete_grace_s=rng.choice([0.0, 0.0, 2.0, 10.0]),
        merge_max_files=rng.choice([1, 3, 1000, 1000]),
        commit_attempts=rng.choice([1, 3, 5]),
        batch_max_rows=rng.choice([1, 5, 20]),
        batch_max_age_s=rng.choice([0.2, 1.0, 3.0]),
        ack_deadline_s=rng.choice([10.0, 20.0]),
        lease_max_s=rng.choice([10.0, 60.0]),
        store_jitter_s=rng.choice([0.0, 0.0, 1.0, 20.0]),
        skew_h=rng.choice([0.0, 0.0, 5.0]),
        rewrite_rate=rng.choice([0.0, 0.0, 0.1, 0.4]),
        file_max_bytes=rng.choice([1, 2_000, 64_000_000]),
        moving_file_max_bytes=rng.choice([1, 1, 1_000, 1_000_000]),
        rest_s=rng.choice([0.0, 5.0, 60.0, 172_800.0]),
        outages=outages,
        is_real=is_real,
    )
