"""Usage is sampled from the processes that run, and compared by thirds."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests._support.waiting import eventually
from tests.verification.soak.usage import Busy, Sample, Third, Usage


def samples(*memory_mb: float, pid: int = 1) -> list[Sample]:
    """One a second."""
    return [Sample(float(second), "api", pid, mb, 20, 10) for second, mb in enumerate(memory_mb)]


def test_a_third_has_the_medians_of_its_time() -> None:
    usage = Usage(dict, 9.0)
    usage.samples = samples(1.0, 1.0, 1.0, 2.0, 9.0, 3.0, 4.0, 4.0, 4.0)
    assert usage.third("api", 0.0, 9.0, 1) == Third(3.0, 20, 10)
    assert usage.third("api", 0.0, 9.0, 2) == Third(4.0, 20, 10)


def test_a_third_of_two_processes_or_of_none_is_nothing() -> None:
    usage = Usage(dict, 4.0)
    usage.samples = [*samples(1.0, 1.0), *samples(1.0, 1.0, 1.0, 1.0, pid=2)[2:]]
    assert usage.third("api", 0.0, 4.0, 0) is not None
    assert usage.third("api", 0.0, 12.0, 0) is None
    assert usage.third("writer", 0.0, 4.0, 0) is None


def test_a_process_that_runs_is_sampled_and_one_that_has_ended_is_not(tmp_path: Path) -> None:
    usage = Usage(lambda: {"here": os.getpid(), "gone": 2**22 + 1}, 1.0)
    usage.start()
    eventually(lambda: len(usage.samples) >= 2, "two samples")
    usage.stop()
    assert {sample.name for sample in usage.samples} == {"here"}
    assert all(s.memory_mb > 10 and s.descriptors > 2 and s.threads > 1 for s in usage.samples)
    usage.write(tmp_path / "usage.ndjson")
    assert json.loads((tmp_path / "usage.ndjson").read_text().splitlines()[0])["name"] == "here"


def test_what_this_process_and_its_children_use_is_not_other_work() -> None:
    children_s = 0.0
    busy = Busy(lambda: children_s)
    eventually(lambda: busy.others_share() >= 0.0, "time has passed")
    children_s = 1e6
    assert busy.others_share() == 0.0
