"""Pauses between tries."""

from __future__ import annotations

import random

import pytest

from ingest_writer.subscriber.backoff import Backoff


@pytest.mark.parametrize(("failures", "at_most"), [(1, 0.2), (2, 0.4), (3, 0.8), (6, 5.0), (1_000_000, 5.0)])
def test_pauses_grow_up_to_the_limit_with_jitter(failures: int, at_most: float) -> None:
    backoff = Backoff(random.Random(1), max_s=5.0)
    pauses = [backoff.pause_s(failures) for _ in range(1000)]
    assert 0.05 <= min(pauses) < 0.3 * at_most + 0.05
    assert 0.9 * at_most < max(pauses) <= at_most
