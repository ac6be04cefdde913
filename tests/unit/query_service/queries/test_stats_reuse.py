"""A question with other limits or groups is answered from what an earlier one left: no file is read again for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.engine.database import Database, Query
from tests._support.api.in_process import Api, serving
from tests._support.api.metrics_page import page
from tests._support.lakes.builder import LakeBuilder, event

ROLLUPS: dict[str, Any] = {"rollup_min_rows": 0, "result_cache_mb": 0}
TAIL: dict[str, Any] = {"tail_cache_min_kb": 0, "result_cache_mb": 0}
PLAIN: dict[str, Any] = {"rollup_cache_mb": 0, "tail_cache_mb": 0, "result_cache_mb": 0}

LATER = (
    *("on_time_minutes=30", "on_time_minutes=0&min_flights=2", "min_flights=3", "names=true"),
    "order_by=-on_time_departure_rate&limit=1&on_time_minutes=2",
)
GROUPS = ("carrier", "route", "quarter", "week", "year", "tail_number", "flight_number", "carrier,quarter")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of the queries that databases run."""
    found: list[str] = []
    fetch = Database.fetch

    async def noted(self: Database, query: Query, admitted: Callable[[], None]) -> pa.Table:
        found.append(query.sql)
        return await fetch(self, query, admitted)

    monkeypatch.setattr(Database, "fetch", noted)
    return found


def quarters() -> LakeBuilder:
    """Flights of two years, some alike in some way."""
    lake = LakeBuilder(MemoryStore())
    lake.land(
        *(
            event(
                flight_date=date(year, month, day),
                carrier=carrier,
                flight_number=number,
                tail_number=f"N{number}",
                departure_delay_minutes=10 * number - month,
            )
            for year in (2012, 2013)
            for month in (1, 2, 4)
            for day in (1, 9)
            for number, carrier in enumerate(("UA", "AA", "UA"), 1)
        )
    )
    return lake


def urls(group: str) -> list[str]:
    is_named = group in ("carrier", "route", "carrier,quarter")
    return [f"/v1/stats?group_by={group}&{more}" for more in LATER if is_named or "names" not in more]


@pytest.mark.parametrize("group", GROUPS)
def test_rollups_serve_other_limits_of_the_same_groups(statements: list[str], group: str) -> None:
    lake = quarters()
    lake.merge()
    with serving(lake.store, **ROLLUPS) as api, serving(lake.store, **PLAIN) as plain:
        api.json(f"/v1/stats?group_by={group}")
        assert any("read_parquet" in sql for sql in statements)
        for url in urls(group):
            statements.clear()
            answer = api.get(url).content
            assert statements, url
            assert not any("read_parquet" in sql for sql in statements), url
            assert answer == plain.get(url).content, url


def test_the_merged_tail_serves_every_other_question(statements: list[str]) -> None:
    lake = quarters()
    with serving(lake.store, **TAIL) as api, serving(lake.store, **PLAIN) as plain:
        api.json("/v1/stats")
        merged = metric(api, "misses_total")
        assert merged > 0
        for group in GROUPS:
            for url in (f"/v1/stats?group_by={group}", *urls(group)):
                statements.clear()
                answer = api.get(url).content
                files = re.findall(r"'([^']+\.parquet)'", " ".join(statements))
                assert files, url
                assert all("/merged_tail/" in file for file in files), url
                assert answer == plain.get(url).content, url
        assert metric(api, "misses_total") == merged


FILTERED = ("weekday=2", "weekday=1,2,3", "hour=5", "hour=4,6", "weekday=2,7&hour=5")
"""The flights depart at five."""


@pytest.mark.parametrize("group", ["", "&group_by=carrier,weekday", "&group_by=month,hour"])
def test_a_rollup_serves_only_the_weekdays_and_hours_it_was_made_for(group: str) -> None:
    lake = quarters()
    lake.merge()
    with serving(lake.store, **ROLLUPS) as api, serving(lake.store, **PLAIN) as plain:
        questions = [f"/v1/stats?limit=100{group}{only}" for only in ("", *(f"&{each}" for each in FILTERED))]
        answers = [plain.get(url).content for url in questions]
        assert len(set(answers)) > 2
        for _ in range(2):  # computed, and then kept
            assert [api.get(url).content for url in questions] == answers


def metric(api: Api, name: str) -> float:
    return page(api).cache("tail", name)
