"""Measure 12: the usual question in a lake of 60 million flights, against the same month in one of 5 million."""

from __future__ import annotations

from bench.figure import Figure, Goal, compared
from bench.http import answered
from bench.question import month_of
from bench.rig import Rig
from bench.rounds import interleaved

_SMALL_MONTHS = 10  # of 120, or about a twelfth
_SHARE = 2  # each takes 50 ms or more: half of the questions give the same median


def measure_lake_size(rig: Rig) -> list[Figure]:
    """The small lake has the same files as the first months of the large one."""
    with rig.pinned(rig.cores.all):
        large = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
        small = rig.scale.part(large, min(_SMALL_MONTHS, len(large.months)))
    window = month_of(large, len(small.months) // 2)
    clients = {"ours": rig.api(large.url).client(), "theirs": rig.api(small.url).client()}
    sides = {name: lambda client=client: answered(client.get(window.path())).ms for name, client in clients.items()}
    found = interleaved(sides, rig.sizes.questions // _SHARE, rig.sizes.warm_up)
    what, peer = f"30 days by carrier in {large.flights:,} flights, p50", f"in {small.flights:,}"
    return [compared("12", what, "ms", found["ours"], peer, found["theirs"], Goal(1.2))]
