"""Measure 6: the usual question over HTTP, without cached results, against DuckDB in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.asker import Asker
from bench.figure import Figure, Goal, Spread, compared, percentile
from bench.http import Client, answered
from bench.question import Window, by_glob, single_file, thirty_days
from bench.rig import Rig
from bench.rounds import interleaved


def measure_question(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    relations = {"glob": by_glob(rig.scale.days(lake)), "single": single_file(rig.scale.single(lake))}
    window = thirty_days(lake)
    client = rig.api(lake.url).client()
    peers = {name: rig.asker("bench.peers.duckdb_ask", rig.cores.serving) for name in relations}
    questions = {name: window.question(relation) for name, relation in relations.items()}
    for name, peer in peers.items():
        check_same(client, window, peer.ask(questions[name]))
    sides: dict[str, Callable[[], float]] = {"ours": lambda: answered(client.get(window.path())).ms}
    for name, peer in peers.items():
        sides[name] = partial(_ms, peer, questions[name])
    found = interleaved(sides, rig.sizes.questions, rig.sizes.warm_up)
    note = f"{lake.flights:,} flights in {len(lake.months)} months; {rig.sizes.questions} questions a side"
    return [
        *_figures("30 days by carrier over HTTP", found, "glob", "date-partitioned files by glob", _GLOB, note),
        *_figures("30 days by carrier over HTTP", found, "single", "the best single file", _SINGLE, note),
    ]


def _ms(peer: Asker, question: dict[str, object]) -> float:
    return float(peer.ask(question)["ms"])


_GLOB, _SINGLE = Goal(10, at_least=True), Goal(0.8)


def _figures(what: str, found: dict[str, list[float]], side: str, peer: str, goal: Goal, note: str) -> list[Figure]:
    ours, theirs = found["ours"], found[side]
    peer = f"DuckDB in process, same SQL, {peer}"
    middle = compared("6", f"{what}, p50", "ms", ours, peer, theirs, goal, note, times_better=goal.at_least)
    p99s = percentile(ours, 99), percentile(theirs, 99)
    ratio = p99s[1] / p99s[0] if goal.at_least else p99s[0] / p99s[1]
    return [
        middle,
        Figure("6", f"{what}, p99", "ms", Spread.of([p99s[0]]), peer, Spread.of([p99s[1]]), Spread.of([ratio]), goal),
    ]


def check_same(client: Client, window: Window, theirs: Any) -> None:
    """Raises ValueError unless the peer's rows are the API's: what answers something else is no peer."""
    ours = [list(row.values()) for row in json.loads(answered(client.get(window.path())).body)["data"]]
    if not ours or ours != theirs["rows"]:
        raise ValueError(f"the peer answers {theirs['rows'][:2]}, the API {ours[:2]}")
