"""Recomputes the API's answers by carrier from the original CSV in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from local_cloud.flights.nycflights13 import Flight

Row = dict[str, Any]


def by_carrier(flights: Sequence[Flight]) -> list[Row]:
    """What /v1/stats?group_by=carrier has to answer, in its order and with its columns."""
    groups: dict[str, list[Flight]] = defaultdict(list)
    for flight in flights:
        groups[flight.carrier].append(flight)
    return [{"carrier": carrier, **_statistics(groups[carrier])} for carrier in sorted(groups)]


def differences(expected: Sequence[Row], got: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the two differ, down to the last digit; empty when nowhere."""
    if len(expected) != len(got):
        return [f"{len(got)} rows instead of {len(expected)}"]
    return [
        f"{row['carrier']} {column}: {other.get(column)!r} instead of {value!r}"
        for row, other in zip(expected, got, strict=True)
        for column, value in row.items()
        if other.get(column) != value
    ]


def _statistics(flights: Sequence[Flight]) -> Row:
    cancelled = sum(flight.is_cancelled for flight in flights)
    arrived = [flight for flight in flights if not flight.is_cancelled and flight.arrival_delay is not None]
    departures = sorted(f.departure_delay for f in flights if not f.is_cancelled and f.departure_delay is not None)
    arrivals = sorted(f.arrival_delay for f in arrived if f.arrival_delay is not None)
    return {
        "flights": len(flights),
        "departed": len(flights) - cancelled,
        "arrived": len(arrived),
        "cancelled": cancelled,
        "diverted": len(flights) - cancelled - len(arrived),
        "cancellation_rate": cancelled / len(flights),
        **_delays("departure", departures),
        **_delays("arrival", arrivals),
    }


def _delays(which: str, ordered: Sequence[int]) -> Row:
    count = len(ordered)
    return {
        f"on_time_{which}_rate": sum(delay < 15 for delay in ordered) / count if count else None,
        f"{which}_delay_mean": sum(ordered) / count if count else None,
        **{f"{which}_delay_p{p}": ordered[(p * count + 99) // 100 - 1] if count else None for p in (50, 90, 95)},
        f"{which}_delay_max": ordered[-1] if count else None,
    }
