"""Rate limits: one token bucket for each name, in this instance. Monotonic time is passed in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-9  # a caller that waited as told is not refused for the last bit of a double


@dataclass(frozen=True)
class RateLimitDecision:
    """Whether a request is allowed, how many remain, and seconds until the next token."""

    allowed: bool
    remaining: int
    next_s: int


class RateLimits:
    """At most `burst` requests at once and `per_s` on average."""

    def __init__(self, names: Iterable[str], per_s: float, burst: int) -> None:
        self.per_s = per_s
        self.burst = burst
        self._buckets = {name: _Bucket(float(burst), -math.inf) for name in names}

    @property
    def window_s(self) -> int:
        """After so long an empty bucket is full again."""
        return max(1, math.ceil(self.burst / self.per_s))

    def take(self, name: str, now_s: float) -> RateLimitDecision:
        """Takes a token of `name`, if there is one."""
        bucket = self._buckets[name]
        since_s = max(0.0, now_s - bucket.at_s)
        tokens = min(float(self.burst), bucket.tokens + since_s * self.per_s)
        allowed = tokens >= 1 - _ROUNDING
        bucket.tokens, bucket.at_s = max(0.0, tokens - allowed), now_s
        whole = math.floor(bucket.tokens)
        return RateLimitDecision(allowed, whole, max(1, math.ceil((whole + 1 - bucket.tokens) / self.per_s)))


@dataclass
class _Bucket:
    tokens: float
    at_s: float


def rate_limits(names: Iterable[str], per_s: float, burst: int) -> RateLimits | None:
    """The limits, or None when API_RATE_PER_S is 0: no limit."""
    return RateLimits(names, per_s, burst) if per_s > 0 else None
