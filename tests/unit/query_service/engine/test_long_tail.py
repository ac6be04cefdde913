"""A tail of many files: read once, with the same bytes as read by each question, in bounded memory."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from lakehouse.store.memory import MemoryStore
from lakehouse.table.file_cache import FileCache
from query_service.engine.long_tail import LongTail
from tests._support.api.in_process import serving
from tests._support.lakes.builder import T0, Event, LakeBuilder, event
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import FORMATS, check_same_bytes, growing, random_question
from tests._support.sizes import seeds

LONG: dict[str, Any] = {"long_tail_min_files": 2, "result_cache_mb": 0}
"""Two files are a long tail; and answers are computed each time."""

EACH_TIME: dict[str, Any] = {"long_tail_mb": 0, "tail_cache_mb": 0, "result_cache_mb": 0}


@pytest.mark.parametrize("rollup_min_rows", [0, 1_000_000])
@pytest.mark.parametrize("seed", seeds(4))
def test_answers_have_the_same_bytes_as_those_that_read_the_tail(seed: int, rollup_min_rows: int) -> None:
    print(f"seed {seed}")
    choose = random.Random(seed)
    events = stats_oracle.random_events(choose, 300)
    lake = LakeBuilder(MemoryStore())
    with serving(lake.store, rollup_min_rows=rollup_min_rows, **LONG) as kept, serving(lake.store, **EACH_TIME) as read:
        for landed in growing(lake, events, choose):
            for _ in range(2):
                asked, filters = random_question(choose)
                asked["format"] = [choose.choice(FORMATS)]
                check_same_bytes(kept, read, asked, filters, landed)


def _of_days(count: int, **changes: Any) -> list[Event]:
    return [event(flight_date=date(2013, 1, day), **changes) for day in range(1, count + 1)]


def test_only_files_that_landed_since_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LakeBuilder(MemoryStore())
    taken: list[str] = []
    take = FileCache._take

    def taking(cache: FileCache, file: Any) -> Any:
        taken.append(file.name)
        return take(cache, file)

    monkeypatch.setattr(FileCache, "_take", taking)
    lake.land(*_of_days(5))
    with serving(lake.store, **LONG, plan_max_age_s=0) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 5
        assert {name.split("/")[0] for name in taken} == {"landing"}
        taken.clear()
        assert api.rows("/v1/stats")[0]["flights"] == 5
        assert taken == []
        lake.land(*_of_days(1, flight_number=2))
        assert api.rows("/v1/stats")[0]["flights"] == 6
        assert len(set(taken)) == 1


def test_a_tail_that_is_too_large_is_read_by_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(*_of_days(5))
    monkeypatch.setattr("query_service.lifespan.LongTail", lambda max_bytes, min_files: LongTail(10, min_files))
    with serving(lake.store, **LONG) as api:
        for _ in range(2):
            assert api.rows("/v1/stats")[0]["flights"] == 5


def test_a_month_that_was_merged_again_is_changed_by_what_is_left() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(*_of_days(3, status="departed"))
    lake.merge()
    with serving(lake.store, **LONG, plan_max_age_s=0) as api:
        lake.land(*_of_days(3, flight_number=2))
        assert api.rows("/v1/stats")[0]["flights"] == 6
        lake.merge(collect=False)
        lake.land(*_of_days(3, status="void", event_time=T0 + timedelta(hours=1)))
        assert api.rows("/v1/stats")[0]["flights"] == 3


def test_a_month_that_was_merged_beside_the_tail_changes_otherwise() -> None:
    """The tail is the same, but older now than what was merged meanwhile."""
    lake = LakeBuilder(MemoryStore())
    lake.land(*_of_days(3))
    lake.merge()
    with serving(lake.store, **LONG, plan_max_age_s=0) as api:
        tail = lake.land(*_of_days(3, flight_number=2))
        assert api.rows("/v1/stats")[0]["flights"] == 6
        held = {name: lake.landed.pop(name) for name in tail}
        lake.land(*_of_days(3, flight_number=2, status="void", event_time=T0 + timedelta(hours=1)))
        lake.merge()
        lake.landed.update(held)
        assert api.rows("/v1/stats")[0]["flights"] == 3


def test_a_group_that_the_tail_takes_away_is_gone() -> None:
    lake = LakeBuilder(MemoryStore())
    for month in (1, 2):
        lake.land(*[event(flight_date=date(2013, month, day), carrier="AA") for day in (1, 2)])
        lake.land(*[event(flight_date=date(2013, month, day), carrier="UA", flight_number=7) for day in (1, 2)])
    lake.merge()
    gone = [
        event(flight_date=date(2013, month, day), carrier="AA", status="void", event_time=T0 + timedelta(hours=1))
        for month in (1, 2)
        for day in (1, 2)
    ]
    with serving(lake.store, **LONG, rollup_min_rows=0) as api:
        lake.land(*gone)
        assert [row["carrier"] for row in api.rows("/v1/stats?group_by=carrier")] == ["UA"]
