"""Measures 11 and 17: questions while there is a tail, against all merged: many rows on few dates, and many files."""

from __future__ import annotations

import json

from bench.figure import Figure, Goal, bounded, compared
from bench.http import Answer, Client, answered
from bench.question import thirty_days
from bench.rig import Rig
from bench.rounds import interleaved

_DEADLINE_S = 10.0
"""API_QUERY_TIMEOUT_S, by default."""
_PATIENCE_S = 120.0
_LONG_SHARE = 3
"""A question over a long tail takes some 100 ms: a third of the questions give the same median."""


def measure_tail(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    window = thirty_days(lake)
    with_tail = rig.scale.with_tail(lake, window.first, window.last, rig.sizes.tail_rows)
    sides = {"ours": rig.api(with_tail.url).client(), "theirs": rig.api(lake.url).client()}
    tail = sides["ours"].json("/v1/lake")["tail"]
    answers = {name: json.loads(answered(client.get(window.path())).body) for name, client in sides.items()}
    if answers["ours"] != answers["theirs"] or tail["rows"] < rig.sizes.tail_rows:
        raise ValueError(f"the tail of {tail} changes the answer, or is too small")
    asked = {name: lambda client=client: answered(client.get(window.path())).ms for name, client in sides.items()}
    found = interleaved(asked, rig.sizes.questions, rig.sizes.warm_up)
    note = (
        f"{tail['rows']:,} rows in {tail['files']} landed files of the question's dates, all older than what is merged"
    )
    what = "30 days by carrier with a tail on its dates, p50"
    return [compared("11", what, "ms", found["ours"], "all merged", found["theirs"], Goal(1.2), note)]


def measure_long_tail(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    with_tail = rig.scale.with_long_tail(lake, rig.sizes.long_tail_files)
    sides = {"ours": rig.api(with_tail.url).client(), "theirs": rig.api(lake.url).client()}
    path = "/v1/stats?group_by=carrier"
    first, first_s = first_answer(sides["ours"], path)
    if json.loads(first.body) != json.loads(answered(sides["theirs"].get(path)).body):
        raise ValueError("the long tail changes the answer")
    asked = {name: lambda client=client: answered(client.get(path)).ms for name, client in sides.items()}
    found = interleaved(asked, rig.sizes.questions // _LONG_SHARE, rig.sizes.warm_up)
    note = f"{rig.sizes.long_tail_files:,} landed files of 30 rows"
    what = "all flights by carrier with a long tail, p50"
    return [
        compared("17", what, "ms", found["ours"], "all merged", found["theirs"], Goal(5), note),
        bounded(
            "17", "its first answer, asked until there is one", "s", [first_s], _DEADLINE_S, Goal(1), "the deadline"
        ),
    ]


def first_answer(client: Client, path: str) -> tuple[Answer, float]:
    """The answer to a question that has to read all files, asked again after each 504; and the seconds until then."""
    waited_s = 0.0
    while True:
        answer = client.get(path)
        waited_s += answer.ms / 1000
        if answer.status != 504 or waited_s > _PATIENCE_S:
            return answered(answer), waited_s
