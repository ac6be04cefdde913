"""Measure 9: ten years, in a window that moves by a month, with percentiles; best peer counts."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from dataclasses import dataclass, field
from typing import Any

from bench.asker import Asker
from bench.figure import Figure, Goal, compared
from bench.http import Client, answered
from bench.question import Window
from bench.rig import NotMeasuredError, Rig
from bench.scale import Lake

_GROUPS = ("carrier", "origin", "destination", "route", "flight_date")
_ENGINES = ("duckdb", "polars", "chdb")
_SHORTER_BY = 12  # months: the window moves within the lake
_FAR_BEHIND = 3.0
"""A peer that takes that many times as long as the best one for a grouping is not asked for the others."""


def measure_years(rig: Rig) -> list[Figure]:
    """Each grouping over a window, then over the next one: the first question of a grouping finds nothing prepared.

    In that one all peers are asked that are not far behind, then only the best: none of them remembers anything, and
    they take seconds.
    """
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
    api = rig.api(lake.url, API_FILE_CACHE_MB="4000", API_DUCKDB_MEMORY_MB="4000", API_QUERY_TIMEOUT_S="120")
    client, asker = api.client(), rig.asker("bench.peers.years_ask", rig.cores.serving)
    _check_engines(asker, lake)
    answered(client.get("/v1/stats?group_by=status"))  # the files are here from now on, as those of the peers are
    first, next_ones = _Sides(), _Sides()
    best: dict[str, str] = {}
    near = list(_ENGINES)
    for number in range(1 + rig.sizes.years_questions):
        window, sides = _window(lake, number), next_ones if number else first
        for group in _GROUPS:
            engines = [best[group]] if group in best else near
            ours = _our_ms(client, window, group)
            peers = {engine: _peer_ms(asker, lake, window, group, engine) for engine in engines}
            best[group] = min(peers, key=lambda engine: peers[engine])
            near = [engine for engine in near if peers.get(engine, 0) < _FAR_BEHIND * peers[best[group]]]
            sides.add(group, ours, peers[best[group]])
    what, peer = f"{lake.flights:,} flights by any group", "best of DuckDB, Polars, chDB"
    note = f"best peers: {', '.join(f'{group} {engine}' for group, engine in best.items())}"
    return [
        compared(
            *("9", f"{what}, the window moved each time", "ms", next_ones.ours, peer, next_ones.theirs, Goal(0.02)),
            f"{note}; by group, ms: {next_ones.by_group()}",
        ),
        compared(
            *("9", f"{what}, the first question", "ms", first.ours, peer, first.theirs, Goal(0.5)),
            f"by group, ms: {first.by_group()}",
        ),
    ]


@dataclass
class _Sides:
    """The times of both sides for the same questions, in milliseconds."""

    groups: list[str] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def add(self, group: str, ours_ms: float, theirs_ms: float) -> None:
        self.groups.append(group)
        self.ours.append(ours_ms)
        self.theirs.append(theirs_ms)

    def by_group(self) -> str:
        """Medians, ours to theirs."""
        parts = []
        for group in dict.fromkeys(self.groups):
            both = [(o, t) for g, o, t in zip(self.groups, self.ours, self.theirs, strict=True) if g == group]
            ours, theirs = (statistics.median(values) for values in zip(*both, strict=True))
            parts.append(f"{group} {ours:.0f} to {theirs:.0f}")
        return ", ".join(parts)


def _window(lake: Lake, number: int) -> Window:
    last_start = min(_SHORTER_BY, max(0, len(lake.months) - 1))
    start = number % (last_start + 1)
    first, last = lake.months[start], lake.months[max(start, len(lake.months) - 1 - last_start + start)]
    return Window(dt.date.fromisoformat(f"{first}-01"), _last_day(last))


def _last_day(month: str) -> dt.date:
    first = dt.date.fromisoformat(f"{month}-01")
    return (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def _our_ms(client: Client, window: Window, group: str) -> float:
    answer = answered(client.get(f"{window.path(group)}&limit=10000"))
    if not json.loads(answer.body)["data"]:
        raise ValueError("no rows")
    return answer.ms


def _peer_ms(asker: Asker, lake: Lake, window: Window, group: str, engine: str) -> float:
    return float(_asked(asker, lake, window, group, engine)["ms"])


def _asked(asker: Asker, lake: Lake, window: Window, group: str, engine: str) -> dict[str, Any]:
    answer: dict[str, Any] = asker.ask(
        {
            "engine": engine,
            "files": [str(file) for file in lake.files],
            "first": window.first.isoformat(),
            "last": window.last.isoformat(),
            "group_by": group,
        }
    )
    return answer


def _check_engines(asker: Asker, lake: Lake) -> None:
    """All count the same flights in one month; raises NotMeasuredError when one of them is not installed."""
    window = Window(*(dt.date.fromisoformat(f"{lake.months[0]}-{day}") for day in ("01", "28")))
    answers = {engine: _asked(asker, lake, window, "carrier", engine) for engine in _ENGINES}
    missing = [answer["missing"] for answer in answers.values() if "missing" in answer]
    if missing:
        raise NotMeasuredError(f"{', '.join(missing)}: make bench installs requirements.bench.lock")
    if len({answer["flights"] for answer in answers.values()}) != 1:
        raise ValueError(f"the peers do not agree: {answers}")
