"""Figures: what the table's last columns are made of."""

from __future__ import annotations

import pytest

from bench.figure import Goal, Spread, bounded, compared, percentile


def test_a_goal_is_a_limit_from_above_or_from_below() -> None:
    assert Goal(1.2).is_reached(1.2)
    assert not Goal(1.2).is_reached(1.21)
    assert Goal(10, at_least=True).is_reached(10)
    assert not Goal(10, at_least=True).is_reached(9.9)


def test_the_ratio_is_taken_round_by_round_so_that_drift_hits_both_sides() -> None:
    figure = compared("0", "what", "ms", [1.0, 10.0, 100.0], "peer", [2.0, 20.0, 200.0], Goal(0.5))
    assert figure.ratio == Spread(0.5, 0.5, 0.5, 3)
    assert figure.is_reached


def test_times_better_turns_the_ratio_around() -> None:
    figure = compared("0", "what", "ms", [1.0], "peer", [12.0], Goal(10, at_least=True), times_better=True)
    assert figure.ratio.median == 12.0


def test_a_bound_of_our_own_is_the_other_side() -> None:
    assert bounded("0", "what", "s", [3.0], 2.0, Goal(1)).is_reached is False


def test_a_measure_without_values_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_p99_is_the_value_at_its_rank() -> None:
    assert percentile(list(range(1, 301)), 99) == 297
    assert percentile([5.0], 99) == 5.0
