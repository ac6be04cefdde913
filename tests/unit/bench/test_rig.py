"""What measures have at hand: processes on their cores, a cloud of their own, and an API over a lake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.machine import Cores
from bench.rig import Rig
from bench.scale import ScaleData
from bench.sizes import QUICK
from lakehouse.store.local import LocalStore
from local_cloud.processes.supervise import Processes
from tests._support.lakes.rows import land, row
from tests._support.waiting import eventually


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Processes(tmp_path) as processes, ExitStack() as closing:
        yield Rig(QUICK, Cores(), tmp_path, processes, ScaleData(tmp_path / "scale"), closing)


def test_processes_of_one_name_are_told_apart_and_run_on_their_cores(rig: Rig) -> None:
    core = frozenset({min(rig.cores.all)})
    names = [rig.start("server", ["http.server", "0", "--bind", "127.0.0.1"], core, {}) for _ in range(2)]
    assert names == ["server-1", "server-2"]
    for name in names:
        assert os.sched_getaffinity(rig.process(name).pid) == core
    rig.stop(names[0])
    eventually(lambda: "Serving" in rig.processes.log(names[1]).read_text(), "the other one serves")
    rig.processes.check()


def test_this_thread_is_pinned_for_a_block_and_free_again_after_an_error(rig: Rig) -> None:
    before = os.sched_getaffinity(0)
    found: list[set[int]] = []

    def fail() -> None:
        with rig.pinned(rig.cores.asking):
            found.append(os.sched_getaffinity(0))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert found == [rig.cores.asking]
    assert os.sched_getaffinity(0) == before


def test_an_api_over_a_lake_is_ready_and_keeps_no_answers(rig: Rig, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "lake")
    land(store, [row()])
    client = rig.api(store.url).client()
    for _ in range(2):
        assert client.json("/v1/stats")["data"][0]["flights"] == 1
    metrics = client.get("/metrics").body.decode().splitlines()
    assert 'flights_api_cache_bytes{cache="result"} 0.0' in metrics
