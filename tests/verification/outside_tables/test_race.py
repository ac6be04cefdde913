"""However publishers race, die and sleep, every reader sees the table of a snapshot at most one run old."""

from __future__ import annotations

import pytest

from ingest_writer.publishing import delta
from tests._support.sizes import seeds
from tests.verification.outside_tables.race import Race

_STEPS = 120
_SEEDS = 10  # of one test: a few seconds


@pytest.mark.parametrize("block", seeds(20))
def test_readers_see_a_snapshot_whatever_publishers_do(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 4)  # many of them in one run
    for seed in range(block * _SEEDS, (block + 1) * _SEEDS):
        try:
            Race(seed).run(_STEPS)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
