"""Measure 9: ten years, any grouping, with percentiles, the window moved by a month each time; the best peer counts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from bench.asker import Asker
from bench.figure import Figure, Goal, compared
from bench.http import Client, answered
from bench.question import Window
from bench.rig import NotMeasuredError, Rig
from bench.scale import Lake

_GROUPS = ("carrier", "origin", "destination", "flight_date")
_ENGINES = ("duckdb", "polars", "chdb")
_SHORTER_BY = 12  # months: the window moves within the lake


def measure_years(rig: Rig) -> list[Figure]:
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
    api = rig.api(lake.url, API_CACHE_MB="4000", API_DUCKDB_MEMORY_MB="4000", API_QUERY_TIMEOUT_S="120")
    client, asker = api.client(), rig.asker("bench.peers.years_ask", rig.cores.serving)
    _check_engines(asker, lake)
    answered(client.get("/v1/stats?group_by=status"))  # the files are here from now on, as those of the peers are
    ours, best, winners = [], [], []
    for number in range(rig.sizes.years_questions):
        window, group = _window(lake, number), _GROUPS[number % len(_GROUPS)]
        peers = {engine: _peer_ms(asker, lake, window, group, engine) for engine in _ENGINES}
        ours.append(_our_ms(client, window, group))
        winner = min(peers, key=lambda engine: peers[engine])
        best.append(peers[winner])
        winners.append(f"{group}: {winner}")
    what = f"{lake.flights:,} flights by any group, the window moved each time"
    note = f"best peers: {', '.join(winners)}"
    return [compared("9", what, "ms", ours, "best of DuckDB, Polars, chDB", best, Goal(0.1), note)]


def _window(lake: Lake, number: int) -> Window:
    last_start = min(_SHORTER_BY, max(0, len(lake.months) - 1))
    start = number % (last_start + 1)
    first, last = lake.months[start], lake.months[max(start, len(lake.months) - 1 - last_start + start)]
    return Window(dt.date.fromisoformat(f"{first}-01"), dt.date.fromisoformat(f"{last}-28"))


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
