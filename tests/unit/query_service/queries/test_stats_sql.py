"""/v1/stats against plain Python, in every state that the same events can be in."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support import stats_oracle
from tests._support.api import Api, serving
from tests._support.lake_builder import T0, Event, LakeBuilder, event
from tests._support.sizes import seeds

STATES = ("all in the tail", "half merged", "all merged")


@contextmanager
def lake_of(events: Sequence[Event], state: str = "all merged") -> Iterator[Api]:
    """A lake of a few landed files and, in the other states, one or two commits."""
    lake = LakeBuilder(MemoryStore())
    half = len(events) // 2
    for part in (events[: half // 2], events[half // 2 : half]):
        lake.land(*part)
    if state != "all in the tail":
        lake.merge()
    lake.land(*events[half:])
    if state == "all merged":
        lake.merge()
    with serving(lake.store) as api:
        yield api


def exactly(rows: Any) -> str:
    """Text that differs when a value or its type does."""
    return json.dumps(rows, ensure_ascii=False)


def random_question(choose: random.Random) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
    """A query string, and its filters as the oracle takes them."""
    groups = choose.sample(list(stats_oracle.GROUPS), choose.randrange(4))
    filters: dict[str, list[Any]] = {}
    possible: dict[str, list[Any]] = {
        "carrier": ["UA", "AA", "ZZ", "XX"],
        "origin": ["EWR", "JFK"],
        "destination": ["LAX", "KLAX"],
        "flight_number": [1, 2, 9999],
        "tail_number": ["N1", "é☃"],
        "status": ["arrived", "cancelled", "void", "scheduled"],
    }
    for name, values in possible.items():
        if choose.random() < 0.25:
            filters[name] = choose.sample(values, choose.randrange(1, len(values) + 1))
    asked: dict[str, list[str]] = {name: [str(v) for v in values] for name, values in filters.items()}
    if groups:
        asked["group_by"] = [",".join(groups)]
    columns = [*groups, "flights", "cancellation_rate", "departure_delay_mean", "arrival_delay_p90", "arrived"]
    if choose.random() < 0.6:
        terms = choose.sample(columns, choose.randrange(1, 3))
        asked["order_by"] = [",".join(choose.choice(["", "-"]) + term for term in terms)]
    if choose.random() < 0.4:
        asked["date_from"] = ["2013-01-31"]
    if choose.random() < 0.4:
        asked["date_to"] = ["2013-01-31"]
    return asked, filters


def expected(
    events: Sequence[Event], asked: dict[str, list[str]], filters: dict[str, list[Any]]
) -> list[stats_oracle.Row]:
    first, last = (date.fromisoformat(asked[n][0]) if n in asked else None for n in ("date_from", "date_to"))
    groups = asked["group_by"][0].split(",") if "group_by" in asked else []
    order_by = asked["order_by"][0].split(",") if "order_by" in asked else []
    return stats_oracle.statistics(stats_oracle.matching(events, filters, first, last), groups, order_by)


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize("state", STATES)
def test_equals_plain_python_to_the_last_digit(state: str, seed: int) -> None:
    choose = random.Random(seed)
    events = stats_oracle.random_events(choose, 400)
    with lake_of(events, state) as api:
        for _ in range(15):
            asked, filters = random_question(choose)
            want = expected(events, asked, filters)
            query = urlencode(asked, doseq=True)
            got = api.json(f"/v1/stats?{query}")
            assert exactly(got) == exactly({"data": want[:1000], "truncated": len(want) > 1000}), query


@pytest.mark.parametrize("n", [1, 2, 9, 10, 19, 20, 21, 40, 60, 99, 100, 101, 140, 180, 999])
def test_percentiles_have_the_rank_in_integers(n: int) -> None:
    """Also where p * n / 100 is a whole number, which is where other definitions are off by one."""
    rows = [event(flight_number=i + 1, departure_delay_minutes=i) for i in range(n)]
    with lake_of(rows) as api:
        (row,) = api.rows("/v1/stats")
    for p in (50, 90, 95):
        assert row[f"departure_delay_p{p}"] == (p * n + 99) // 100 - 1


def test_a_tail_event_that_is_older_than_the_merged_one_changes_nothing() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(status="arrived", event_time=T0))
    lake.merge()
    lake.land(event(status="cancelled", event_time=T0 - timedelta(microseconds=1)))
    with serving(lake.store) as api:
        assert [row["status"] for row in api.rows("/v1/stats?group_by=status")] == ["arrived"]


@pytest.mark.parametrize("state", STATES)
def test_a_filter_sees_only_the_newest_state(state: str) -> None:
    older = event(destination="LAX", tail_number="N1", status="scheduled", event_time=T0)
    newer = event(destination="IAH", tail_number="N2", status="arrived", event_time=T0 + timedelta(seconds=1))
    with lake_of([older, older, newer, newer], state) as api:
        for old, new in (("destination=LAX", "destination=IAH"), ("tail_number=N1", "tail_number=N2")):
            assert api.rows(f"/v1/stats?{old}")[0]["flights"] == 0
            assert api.rows(f"/v1/stats?{new}")[0]["flights"] == 1
        assert api.rows("/v1/stats?status=scheduled&group_by=status") == []


def test_a_void_event_withdraws_its_flight_until_a_newer_one() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(event_time=T0))
    lake.merge()
    lake.land(event(status="void", event_time=T0 + timedelta(seconds=1)))
    with serving(lake.store) as api:
        assert api.rows("/v1/stats")[0]["flights"] == 0
        assert api.rows("/v1/stats?status=void")[0]["flights"] == 0
        lake.land(event(status="scheduled", event_time=T0 + timedelta(seconds=2)))
        assert api.rows("/v1/stats")[0]["flights"] == 1


def test_probes_are_left_out_unless_asked_for_by_name() -> None:
    with lake_of([event(carrier="ZZ"), event(carrier="UA")]) as api:
        assert [row["carrier"] for row in api.rows("/v1/stats?group_by=carrier")] == ["UA"]
        assert [row["carrier"] for row in api.rows("/v1/stats?group_by=carrier&carrier=ZZ")] == ["ZZ"]
        both = api.rows("/v1/stats?group_by=carrier&carrier=ZZ&carrier=UA")
        assert [row["carrier"] for row in both] == ["UA", "ZZ"]


def test_without_groups_there_is_one_row_also_of_an_empty_lake() -> None:
    with serving(MemoryStore()) as api:
        answer = api.get("/v1/stats")
        assert exactly(answer.json()) == exactly({"data": stats_oracle.statistics([], []), "truncated": False})
        assert answer.headers["Lake-Snapshot"] == "0"


def test_with_groups_and_no_match_there_is_no_row() -> None:
    with lake_of([event()]) as api:
        assert api.json("/v1/stats?group_by=route&carrier=XX") == {"data": [], "truncated": False}


@pytest.mark.parametrize(("limit", "truncated"), [(1, True), (2, True), (3, False), (4, False)])
def test_truncated_says_whether_there_was_a_further_row(limit: int, truncated: bool) -> None:
    with lake_of([event(carrier=c) for c in ("AA", "B6", "UA")]) as api:
        answer = api.json(f"/v1/stats?group_by=carrier&limit={limit}")
        assert ([r["carrier"] for r in answer["data"]], answer["truncated"]) == (["AA", "B6", "UA"][:limit], truncated)


def test_a_thousand_rows_are_the_default_and_ten_thousand_the_most() -> None:
    rows = [
        event(flight_number=i % 9999 + 1, origin=f"A{i // 101:02}", destination=f"B{i % 101:02}") for i in range(10_050)
    ]
    with lake_of(rows) as api:
        default = api.json("/v1/stats?group_by=route")
        most = api.json("/v1/stats?group_by=route&limit=10000")
    assert (len(default["data"]), default["truncated"]) == (1000, True)
    assert (len(most["data"]), most["truncated"]) == (10_000, True)
    assert most["data"][:1000] == default["data"]


def test_result_columns_are_in_the_order_of_the_contract() -> None:
    with lake_of([event()]) as api:
        (row,) = api.rows("/v1/stats?group_by=hour&group_by=route,month")
    assert list(row)[:3] == ["hour", "route", "month"]
    assert " ".join(list(row)[3:]) == (
        "flights departed arrived cancelled diverted cancellation_rate on_time_departure_rate on_time_arrival_rate "
        "departure_delay_mean departure_delay_p50 departure_delay_p90 departure_delay_p95 departure_delay_max "
        "arrival_delay_mean arrival_delay_p50 arrival_delay_p90 arrival_delay_p95 arrival_delay_max"
    )


def test_group_values_are_written_as_the_contract_says() -> None:
    with lake_of([event(flight_date=date(2013, 1, 6), scheduled_departure_hour=0)]) as api:
        (row,) = api.rows("/v1/stats?group_by=route,month,weekday,hour,flight_date")
    assert list(row.values())[:5] == ["EWR-IAH", "2013-01", 7, 0, "2013-01-06"]


def test_sums_far_beyond_32_bits_are_exact() -> None:
    rows = [
        event(flight_number=i, origin=o, departure_delay_minutes=10080) for i in range(1, 9999) for o in ("AAA", "BBB")
    ]
    with lake_of(rows) as api:
        assert api.rows("/v1/stats")[0]["departure_delay_mean"] == 10080.0


def test_answers_say_which_lake_they_are_about() -> None:
    with lake_of([event()]) as api:
        answer = api.get("/v1/stats")
    assert answer.headers["Lake-Snapshot"] == "2"
    assert answer.headers["Lake-As-Of"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["Content-Type"] == "application/json"


def test_the_same_data_gives_the_same_bytes() -> None:
    events = stats_oracle.random_events(random.Random(5), 200)
    bodies = set()
    for state in STATES:
        with lake_of(events, state) as api:
            bodies.add(api.get("/v1/stats?group_by=carrier,route").content)
    assert len(bodies) == 1
