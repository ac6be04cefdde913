"""What plan and caches know anyway, as metrics."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from lakehouse import object_names
from tests._support.api.in_process import serving
from tests._support.api.metrics_page import page
from tests._support.lakes.builder import LakeBuilder, event


@pytest.fixture
def random_text() -> Callable[[int], str]:
    """Text that does not compress below half of its length."""
    return lambda length: random.Random(42).randbytes(length // 2).hex()


def test_plan_snapshot_and_tail_are_those_of_the_last_listing(lake: LakeBuilder) -> None:
    lake.land(event())
    lake.merge()
    lake.land(event(flight_number=2), event(flight_number=3))
    clock = [dt.datetime.now(dt.UTC)]
    with serving(lake.store, now=lambda: clock[0]) as api:
        before = page(api)
        assert math.isnan(before.get("plan_age_seconds"))
        assert math.isnan(before.get("tail_files"))
        api.get("/v1/stats")
        clock[0] += dt.timedelta(seconds=7)
        seen = page(api)
    assert seen.get("plan_age_seconds") == pytest.approx(7, abs=0.01)
    assert seen.get("snapshot_number") == 1
    assert 7 <= seen.get("snapshot_age_seconds") < 60
    assert seen.get("tail_files") == 1
    assert 0 < seen.get("tail_bytes") < 100_000
    assert abs(seen.get("landing_age_seconds")) < 60
    assert seen.store("requests_total", operation="list", area="landing", outcome="ok") == 1


def test_files_are_fetched_once_and_found_afterwards(lake: LakeBuilder) -> None:
    lake.land(event())
    with serving(lake.store) as api:
        for _ in range(3):
            api.get("/v1/flights")
        seen = page(api)
        size = sum(info.size for info in lake.store.list(object_names.LANDING))
    misses, hits, evictions = (
        seen.get(f"cache_{what}_total", cache="file") for what in ("misses", "hits", "evictions")
    )
    assert (misses, evictions) == (1, 0)
    assert hits == 0  # the answer itself was kept
    assert seen.get("cache_bytes", cache="file") == size
    assert seen.store("read_bytes_total", area="landing") == size
    assert seen.get("queries_running") == seen.get("queries_waiting") == seen.get("questions_in_progress") == 0


def test_files_that_make_room_for_others_are_counted(lake: LakeBuilder, random_text: Callable[[int], str]) -> None:
    for day in (1, 2):  # two files of 600 kB do not fit into one megabyte
        text = random_text(600_000)
        ids = (text[at : at + 200] for at in range(0, len(text), 200))
        lake.land(*(event(flight_date=dt.date(2013, 1, day), message_id=id_) for id_ in ids))
    with serving(lake.store, file_cache_mb=1) as api:
        for day in (1, 2):
            assert api.get(f"/v1/flights?date_from=2013-01-0{day}&date_to=2013-01-0{day}").status_code == 200
        seen = page(api)
    assert [seen.get(f"cache_{what}_total", cache="file") for what in ("misses", "evictions")] == [2, 1]


def test_kept_answers_are_counted_by_whether_they_were_there(lake: LakeBuilder) -> None:
    lake.land(event())
    with serving(lake.store) as api:
        for _ in range(3):
            assert api.get("/v1/stats").status_code == 200
        seen = page(api)
    assert seen.get("cache_bytes", cache="result") > 1000
    assert [seen.get(f"cache_{what}_total", cache="result") for what in ("hits", "misses", "evictions")] == [2, 1, 0]


def test_all_caches_have_the_same_series(lake: LakeBuilder) -> None:
    with serving(lake.store) as api:
        samples = page(api).samples
    for name in ("bytes", "hits_total", "misses_total", "evictions_total"):
        caches = {dict(labels)["cache"] for found, labels in samples if found == f"flights_api_cache_{name}"}
        assert caches == {"file", "tail", "long_tail", "rollup", "result"}


@pytest.mark.parametrize(
    ("cache", "settings", "expected"),
    [
        ("file", {}, [[0, 2], [2, 2]]),
        ("tail", {"tail_cache_min_kb": 0}, [[0, 2], [2, 2]]),
        ("long_tail", {"long_tail_min_files": 2}, [[0, 2], [2, 2]]),
        ("rollup", {"rollup_min_rows": 0}, [[0, 3], [1, 3]]),  # of the year, and where it is not there of each month
    ],
)
def test_each_lookup_is_a_hit_or_a_miss_once(
    lake: LakeBuilder, cache: str, settings: dict[str, Any], expected: list[list[int]]
) -> None:
    for month in (1, 2):
        lake.land(event(flight_date=dt.date(2013, month, 1)))
    if cache == "rollup":
        lake.merge()
    counts = []
    with serving(lake.store, result_cache_mb=0, **settings) as api:
        for _ in range(2):
            assert api.rows("/v1/stats")[0]["flights"] == 2
            seen = page(api)
            counts.append([seen.get(f"cache_{what}_total", cache=cache) for what in ("hits", "misses")])
    assert counts == expected
