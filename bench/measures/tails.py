"""Measure 11: the usual question while its dates have 100,000 rows in the tail, against all merged."""

from __future__ import annotations

import json

from bench.figure import Figure, Goal, compared
from bench.http import answered
from bench.question import thirty_days
from bench.rig import Rig
from bench.rounds import interleaved


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
