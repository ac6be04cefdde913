"""Measure 15 (reads): requests to object storage per question, from the API's own metrics."""

from __future__ import annotations

import re
import time

from bench.figure import Figure, Goal, bounded
from bench.http import Client, answered
from bench.question import month_of
from bench.rig import Rig

_REQUESTS = re.compile(r'flights_store_requests_total\{area="(\w+)",operation="(\w+)",outcome="ok"\} ([0-9.e+]+)')


def measure_storage(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    client = rig.api(lake.url).client()
    before = _requests(client)
    for index in range(len(lake.months)):  # each touches the file of its month, for the first time
        answered(client.get(month_of(lake, index).path()))
    cold = _requests(client)
    listings, began = _after_a_refresh(client, month_of(lake, 0).path("origin")), time.monotonic()
    while time.monotonic() - began < max(1.0, rig.sizes.clients_s):
        for index in range(len(lake.months)):
            answered(client.get(month_of(lake, index).path("origin")))
    warm, seconds = _requests(client), time.monotonic() - began
    touched = len(lake.months)
    return [
        bounded("15", "requests to storage a warm question", "", [_reads(warm) - _reads(cold)], 1.0, Goal(0)),
        bounded(
            "15", "requests of first questions", "", [_reads(cold) - _reads(before)], touched, Goal(1), "a file each"
        ),
        bounded(
            "15",
            "listings a second, for the refresh",
            "1/s",
            [(warm.get("list", 0) - listings) / seconds],
            2.0,
            Goal(1.05),
        ),
    ]


def _after_a_refresh(client: Client, path: str) -> float:
    """Listings so far, right after some: in n seconds from anywhere there may be n + 1 refreshes, from here n."""
    before = now = _requests(client).get("list", 0)
    while now == before:
        answered(client.get(path))
        now = _requests(client).get("list", 0)
    return now


def _requests(client: Client) -> dict[str, float]:
    """Requests so far, by operation."""
    found: dict[str, float] = {}
    for _, operation, count in _REQUESTS.findall(answered(client.get("/metrics")).body.decode()):
        found[operation] = found.get(operation, 0) + float(count)
    return found


def _reads(requests: dict[str, float]) -> float:
    """Without what the refresh lists, and the snapshot that it then reads."""
    return requests.get("download", 0)
