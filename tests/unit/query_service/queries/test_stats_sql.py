"""/v1/stats against plain Python, in every state that the same events can be in."""

from __future__ import annotations

import random
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest

from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import serving
from tests._support.lakes.builder import T0, LakeBuilder, event
from tests._support.oracles import stats_oracle
from tests._support.oracles.random_stats import STATES, exactly, expected, lake_of, random_question
from tests._support.sizes import seeds


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
    older = event(destination="LAX", tail_number="N1", status="scheduled", scheduled_departure_hour=6, event_time=T0)
    newer = event(destination="IAH", tail_number="N2", status="arrived", event_time=T0 + timedelta(seconds=1))
    newer |= {"scheduled_departure_hour": 7}
    changed = (("destination=LAX", "destination=IAH"), ("tail_number=N1", "tail_number=N2"), ("hour=6", "hour=7"))
    with lake_of([older, older, newer, newer], state) as api:
        for old, new in changed:
            assert api.rows(f"/v1/stats?{old}")[0]["flights"] == 0
            assert api.rows(f"/v1/stats?{new}")[0]["flights"] == 1
        assert api.rows("/v1/stats?status=scheduled&group_by=status") == []


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["weekday", "hour"])
def test_a_filter_of_weekday_or_hour_keeps_the_groups_of_that_name(state: str, name: str) -> None:
    rows = [
        event(flight_date=date(2013, 1, day), flight_number=100 * day + hour, scheduled_departure_hour=hour)
        for day in range(1, 15)
        for hour in (0, day, 23)
    ]
    with lake_of(rows, state) as api:
        groups = api.rows(f"/v1/stats?group_by={name}")
        assert len(groups) > 5
        for group in groups:
            (only,) = api.rows(f"/v1/stats?group_by={name}&{name}={group[name]}")
            assert only == group
            assert len(api.rows(f"/v1/flights?{name}={group[name]}")) == group["flights"]
        first, second = (group[name] for group in groups[:2])
        assert api.rows(f"/v1/stats?group_by={name}&{name}={second},{first}") == groups[:2]


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


@pytest.mark.parametrize("state", STATES)
def test_groups_with_fewer_flights_are_left_out_before_order_and_limit(state: str) -> None:
    rows = [event(carrier=c, flight_number=n) for c, count in (("AA", 1), ("B6", 3), ("UA", 2)) for n in range(count)]
    with lake_of(rows, state) as api:
        two = api.json("/v1/stats?group_by=carrier&min_flights=2&limit=1")
        assert ([row["carrier"] for row in two["data"]], two["truncated"]) == (["B6"], True)
        three = api.json("/v1/stats?group_by=carrier&min_flights=3&order_by=-carrier&limit=1")
        assert ([row["carrier"] for row in three["data"]], three["truncated"]) == (["B6"], False)
        assert api.rows("/v1/stats?group_by=carrier&min_flights=4") == []


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


@pytest.mark.parametrize(
    ("day", "week", "quarter"),
    [
        (date(2012, 12, 30), "2012-W52", "2012-Q4"),
        (date(2012, 12, 31), "2013-W01", "2012-Q4"),
        (date(2010, 1, 3), "2009-W53", "2010-Q1"),
        (date(2013, 3, 31), "2013-W13", "2013-Q1"),
        (date(2013, 4, 1), "2013-W14", "2013-Q2"),
    ],
)
def test_a_week_is_of_its_iso_year_and_a_quarter_of_the_calendar(day: date, week: str, quarter: str) -> None:
    with lake_of([event(flight_date=day)]) as api:
        (row,) = api.rows("/v1/stats?group_by=week,quarter,year")
    assert list(row.values())[:3] == [week, quarter, day.year]


def test_flights_without_a_tail_number_are_a_group_and_come_last() -> None:
    with lake_of([event(flight_number=n, tail_number=t) for n, t in enumerate((None, "N2", "N1"), 1)]) as api:
        for order in ("", "&order_by=flights"):
            rows = api.rows(f"/v1/stats?group_by=tail_number,flight_number{order}")
            assert [(row["tail_number"], row["flight_number"]) for row in rows] == [("N1", 3), ("N2", 2), (None, 1)]


def test_sums_far_beyond_32_bits_are_exact() -> None:
    rows = [
        event(flight_number=i, origin=o, departure_delay_minutes=10080) for i in range(1, 9999) for o in ("AAA", "BBB")
    ]
    with lake_of(rows) as api:
        assert api.rows("/v1/stats")[0]["departure_delay_mean"] == 10080.0


def test_the_same_data_gives_the_same_bytes() -> None:
    events = stats_oracle.random_events(random.Random(5), 200)
    bodies = set()
    for state in STATES:
        with lake_of(events, state) as api:
            bodies.add(api.get("/v1/stats?group_by=carrier,route").content)
    assert len(bodies) == 1
