"""The token bucket, with a clock of its own."""

from __future__ import annotations

import random

import pytest

from query_service.auth.rate_limit import RateLimitDecision, RateLimits, rate_limits


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    limits = RateLimits(["a"], per_s=0.5, burst=3)
    assert [limits.take("a", 100.0) for _ in range(4)] == [
        RateLimitDecision(True, 2, 2),
        RateLimitDecision(True, 1, 2),
        RateLimitDecision(True, 0, 2),
        RateLimitDecision(False, 0, 2),
    ]
    assert limits.take("a", 101.0) == RateLimitDecision(False, 0, 1)
    assert limits.take("a", 102.0) == RateLimitDecision(True, 0, 2)
    assert limits.take("a", 102.0).allowed is False


def test_a_bucket_fills_up_to_the_burst_only() -> None:
    limits = RateLimits(["a"], per_s=10.0, burst=2)
    assert limits.take("a", 0.0).remaining == 1
    assert limits.take("a", 1e9).remaining == 1


def test_names_do_not_share_a_bucket() -> None:
    limits = RateLimits(["a", "b"], per_s=0.001, burst=1)
    assert limits.take("a", 0.0).allowed
    assert limits.take("b", 0.0).allowed
    assert not limits.take("a", 0.0).allowed


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    limits = RateLimits(["a"], per_s=1.0, burst=1)
    assert limits.take("a", 10.0).allowed
    assert not limits.take("a", 5.0).allowed
    assert not limits.take("a", 5.5).allowed


@pytest.mark.parametrize("seed", range(20))
def test_who_waits_as_told_is_let_in_and_no_window_has_more_than_burst_and_rate(seed: int) -> None:
    rng = random.Random(seed)
    per_s, burst = rng.choice([0.1, 0.3, 1 / 3, 0.7, 3.0, 17.0]), rng.randint(1, 5)
    limits, now, allowed = RateLimits(["a"], per_s, burst), rng.uniform(0, 1e6), []
    for _ in range(200):
        grant = limits.take("a", now)
        if grant.allowed:
            allowed.append(now)
        else:
            assert limits.take("a", now + grant.next_s).allowed, (seed, now)
            now += grant.next_s
            allowed.append(now)
        now += rng.choice([0.0, 0.0, rng.random()])
    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            most = burst + (allowed[last] - allowed[first]) * per_s
            assert last - first + 1 <= most + 1e-6, (seed, first, last)


def test_no_rate_is_no_limit() -> None:
    assert rate_limits(["a"], 0.0, 20) is None


def test_the_window_says_when_a_bucket_is_full_again() -> None:
    assert RateLimits(["a"], 3.0, 20).window_s == 7
    assert RateLimits(["a"], 100.0, 20).window_s == 1
