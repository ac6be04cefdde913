"""Measure 8: a repeated question, answered from memory or by 304, against an empty FastAPI route."""

from __future__ import annotations

from contextlib import closing

from bench.figure import Figure, Goal, Spread, compared, percentile
from bench.http import Client, answered
from bench.question import thirty_days
from bench.rig import Rig
from bench.rounds import interleaved
from local_cloud.processes.supervise import free_port

_GOAL = Goal(1.2)
_PEER = "empty FastAPI route, same parameters and bytes"
_MORE = 5  # an answer from memory takes a twentieth of a query: more of them, for the same time


def measure_repeated(rig: Rig) -> list[Figure]:
    lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years)
    path = thirty_days(lake).path()
    client = rig.api(lake.url, API_RESULT_CACHE_MB="32").client()
    first = answered(client.get(path))
    empty = _empty_route(rig, first.body)
    tag = {"If-None-Match": first.headers["etag"]}
    sides = {
        "kept": lambda: answered(client.get(path)).ms,
        "not modified": lambda: _not_modified_ms(client, path, tag),
        "empty": lambda: answered(empty.get(path)).ms,
    }
    found = interleaved(sides, rig.sizes.questions * _MORE, rig.sizes.warm_up)
    figures = []
    for side, what in (("kept", "repeated question"), ("not modified", "repeated question with its tag: 304")):
        ours, theirs = found[side], found["empty"]
        figures.append(compared("8", f"{what}, p50", "ms", ours, _PEER, theirs, _GOAL))
        p99s = percentile(ours, 99), percentile(theirs, 99)
        ratio = Spread.of([p99s[0] / p99s[1]])
        figures.append(
            Figure("8", f"{what}, p99", "ms", Spread.of([p99s[0]]), _PEER, Spread.of([p99s[1]]), ratio, None)
        )
    return figures


def _not_modified_ms(client: Client, path: str, tag: dict[str, str]) -> float:
    answer = client.get(path, tag)
    if answer.status != 304:
        raise ValueError(f"{answer.status} instead of 304")
    return answer.ms


def _empty_route(rig: Rig, body: bytes) -> Client:
    port, file = free_port(), rig.folder / "body"
    file.write_bytes(body)
    environment = {"PORT": str(port), "BENCH_BODY": str(file)}
    name = rig.start("empty-route", ["bench.peers.empty_route"], rig.cores.serving, environment)
    url = f"http://127.0.0.1:{port}"
    rig.processes.wait_until_answers(name, f"{url}/ready")
    return rig.closing.enter_context(closing(Client(url)))
