"""/v1/flights page by page, and /v1/flights/{flight_id} with where the state came from."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from lakehouse.schema.event import FIELDS
from lakehouse.store.memory import MemoryStore
from query_service.queries import flights
from query_service.queries.model import FLIGHT_ORDERS
from tests._support.api.flight_pages import flight_id, ordered, pages, random_lake
from tests._support.api.in_process import serving
from tests._support.lakes.builder import T0, LakeBuilder, event
from tests._support.lakes.rows import key, order
from tests._support.oracles import stats_oracle
from tests._support.sizes import seeds


@pytest.mark.parametrize("limit", [5, 1000])
@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", {}),
        ("&carrier=ZZ&carrier=9E", {"carrier": ["ZZ", "9E"]}),
        ("&status=arrived&destination=LAX&destination=KLAX", {"status": ["arrived"], "destination": ["LAX", "KLAX"]}),
        ("&tail_number=N1&flight_number=10", {"tail_number": ["N1"], "flight_number": [10]}),
        ("&weekday=3,5&hour=0,7,8,23", {"weekday": [3, 5], "hour": [0, 7, 8, 23]}),
    ],
)
def test_pages_are_all_flights_that_match_once_and_in_order(limit: int, query: str, filters: dict[str, Any]) -> None:
    lake, events = random_lake(1)
    wanted = [flight_id(row) for row in stats_oracle.matching(events, filters, None, None)]
    with serving(lake.store) as api:
        found = pages(api, f"/v1/flights?limit={limit}{query}")
    assert [one for page in found for one in page] == wanted
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize("dates", [("2013-01-31", "2013-01-31"), ("2013-01-31", None), (None, "2013-01-30")])
def test_pages_keep_to_the_dates(dates: tuple[str | None, str | None]) -> None:
    lake, events = random_lake(2)
    first, last = (None if d is None else date.fromisoformat(d) for d in dates)
    query = "".join(f"&{n}={d}" for n, d in zip(("date_from", "date_to"), dates, strict=True) if d is not None)
    with serving(lake.store) as api:
        found = pages(api, f"/v1/flights?limit=5{query}")
    assert [one for page in found for one in page] == [
        flight_id(row) for row in stats_oracle.matching(events, {}, first, last)
    ]


@pytest.mark.parametrize("seed", seeds(8))
def test_pages_are_exact_in_every_order_and_with_limits_of_delay(seed: int) -> None:
    choose = random.Random(seed)
    lake, events = random_lake(seed, 120)
    with serving(lake.store) as api:
        for _ in range(4):
            order_by = choose.choice(["", "-"]) + choose.choice(FLIGHT_ORDERS)
            asked = {"order_by": order_by, "limit": str(choose.choice([1, 3, 7, 40]))}
            wanted = stats_oracle.matching(events, {}, None, None)
            if choose.random() < 0.7:
                asked["delay"] = choose.choice(["departure", "arrival"])
                delay = f"{asked['delay']}_delay_minutes"
                least, most = sorted(choose.sample([-1440, -3, 0, 14, 15, 100, 10080], 2))
                wanted = [row for row in wanted if row[delay] is not None and least <= row[delay] <= most]
                asked |= {"delay_min": str(least), "delay_max": str(most)}
            if choose.random() < 0.3:
                asked["date_to"] = "2013-01-31"
                wanted = [row for row in wanted if row["flight_date"] <= date(2013, 1, 31)]
            found = pages(api, f"/v1/flights?{urlencode(asked)}")
            ids = [one for page in found for one in page]
            assert ids == [flight_id(row) for row in ordered(wanted, order_by)], asked
            assert all(len(page) == int(asked["limit"]) for page in found[:-1])


def test_only_the_columns_that_are_asked_for_are_there_in_their_order() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(flight_number=1), event(flight_number=2))
    with serving(lake.store) as api:
        page = api.json("/v1/flights?columns=status,flight_number&columns=origin&limit=1&order_by=-flight_id")
        csv = api.get("/v1/flights?columns=status&format=csv").text
        rest = api.json(f"/v1/flights?columns=status&order_by=-flight_id&cursor={page['next_cursor']}")
    assert [list(row.items()) for row in page["data"]] == [
        [("status", "arrived"), ("flight_number", 2), ("origin", "EWR")]
    ]
    assert csv.splitlines() == ["status", '"arrived"', '"arrived"']
    assert len(rest["data"]) == 1


def test_a_delay_is_that_of_the_newest_state() -> None:
    older = event(departure_delay_minutes=100, event_time=T0)
    newer = event(departure_delay_minutes=1, event_time=T0 + timedelta(seconds=1))
    lake = LakeBuilder(MemoryStore())
    lake.land(older)
    lake.merge()
    lake.land(newer)
    with serving(lake.store) as api:
        assert api.rows("/v1/flights?delay=departure&delay_min=50") == []
        assert len(api.rows("/v1/flights?delay=departure&delay_max=50")) == 1


def test_flights_that_come_and_go_between_pages_do_not_move_the_others() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(*(event(flight_number=n) for n in (2, 4, 6, 8)))
    with serving(lake.store) as api:
        first = api.json("/v1/flights?limit=2")
        lake.land(event(flight_number=1), event(flight_number=5))
        lake.land(event(flight_number=4, status="void", event_time=T0 + timedelta(1)))
        rest = api.rows(f"/v1/flights?limit=10&cursor={first['next_cursor']}")
    assert [row["flight_number"] for row in first["data"]] == [2, 4]
    assert [row["flight_number"] for row in rest] == [5, 6, 8]


def test_a_page_reads_no_more_months_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "BATCH_BYTES", 1)  # smaller than any file: one month a step
    lake = LakeBuilder(MemoryStore())
    for month in range(1, 13):
        lake.land(event(flight_date=date(2013, month, 3)))
    lake.merge()
    lake.land_bytes(date(2013, 12, 3), b"not Parquet")
    with serving(lake.store) as api:
        assert len(api.rows("/v1/flights?limit=10")) == 10
        assert api.get("/v1/flights?limit=12").status_code == 503
        assert len(pages(api, "/v1/flights?limit=5&date_to=2013-11-30")) == 3


def test_rows_have_the_event_as_its_publisher_sent_it() -> None:
    moment = datetime(2013, 1, 1, 5, 15, 0, 250, UTC)
    row = event(
        diverted_to="DFW",
        scheduled_departure=moment,
        actual_departure=datetime(2013, 1, 1, 5, 17, tzinfo=UTC),
        departure_delay_minutes=-2,
        distance_km=2253,
        tail_number="N1",
        operational_suffix="A",
    )
    lake = LakeBuilder(MemoryStore())
    lake.land(row)
    with serving(lake.store) as api:
        (shown,) = api.rows("/v1/flights")
    plain = [field.name for field in FIELDS if field.in_api]
    assert list(shown) == ["flight_id", *plain]
    assert shown["flight_id"] == "2013-01-01-UA-1545A-EWR"
    assert shown["scheduled_departure"] == "2013-01-01T05:15:00.000250Z"
    assert shown["actual_departure"] == "2013-01-01T05:17:00Z"
    assert shown["event_time"] == "2013-01-01T12:00:00Z"
    unchanged = [n for n in plain if not isinstance(row[n], date)]
    assert {name: shown[name] for name in unchanged} == {name: row[name] for name in unchanged}


def test_no_flights_are_an_empty_page() -> None:
    with serving(MemoryStore()) as api:
        assert api.json("/v1/flights") == {"data": [], "truncated": False, "next_cursor": None}


def test_every_flight_is_found_by_its_id_with_its_source() -> None:
    lake, events = random_lake(4)
    in_tail = {name: rows for name, rows in lake.landed.items() if name not in lake.snapshot.absorbed}
    with serving(lake.store) as api:
        for row in stats_oracle.matching(events, {"carrier": ["UA", "ZZ"], "origin": ["EWR"]}, None, None):
            shown = api.json(f"/v1/flights/{flight_id(row)}")["data"]
            source = shown.pop("source")
            assert (shown["status"], shown["tail_number"]) == (row["status"], row["tail_number"])
            assert (source["message_id"], source["message_line"]) == (row["message_id"], row["message_line"])
            merged = [rows for rows in lake.merged_rows.values() if row in rows]
            if source["absorbed"]:
                assert (
                    source["file"]
                    == lake.snapshot.month(source["file"].split("=")[1][:7])
                    .files[-1 if row["carrier"] == "ZZ" else 0]
                    .name
                )
                assert merged
            else:
                assert row in in_tail[source["file"]]
                assert not merged


def test_an_event_that_is_in_both_counts_as_absorbed() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    lake.merge()
    lake.land(event())  # redelivered
    with serving(lake.store) as api:
        source = api.json("/v1/flights/2013-01-01-UA-1545-EWR")["data"]["source"]
    assert source == {
        "file": lake.snapshot.months["2013-01"][0].name,
        "message_id": "m1",
        "message_line": 1,
        "absorbed": True,
    }


def test_unknown_and_withdrawn_flights_are_not_found() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(status="void", event_time=T0 + timedelta(1)))
    with serving(lake.store) as api:
        for unknown in ("2013-01-01-UA-1545-EWR", "2013-01-01-UA-1-EWR", "2014-01-01-UA-1545-EWR"):
            answer = api.get(f"/v1/flights/{unknown}")
            assert (answer.status_code, answer.json()["status"]) == (404, 404)
            assert unknown in answer.json()["detail"]


@pytest.mark.parametrize("seed", seeds(2))
def test_all_events_of_a_flight_are_there_newest_first_with_their_files(seed: int) -> None:
    lake, events = random_lake(seed)
    tail = {name: rows for name, rows in lake.landed.items() if name not in lake.snapshot.absorbed}
    there = [row for rows in (*lake.merged_rows.values(), *tail.values()) for row in rows]
    with serving(lake.store) as api:
        for asked in random.Random(seed).sample(events, 20):
            wanted = {order(row): row for row in there if key(row) == key(asked)}
            found = api.json(f"/v1/flights/{flight_id(asked)}/events")
            assert not found["truncated"]
            rows = found["data"]
            assert [row["is_newest"] for row in rows] == [True] + [False] * (len(rows) - 1)
            assert len(rows) == len(wanted)
            for shown, number in zip(rows, sorted(wanted, reverse=True), strict=True):
                row = wanted[number]
                for name in ("status", "tail_number", "departure_delay_minutes", "message_id", "message_line"):
                    assert shown[name] == row[name]
                assert shown["copies"] == sum(one == row for one in there)
                assert row in (tail[shown["file"]] if not shown["absorbed"] else there)


def test_events_of_a_withdrawn_flight_are_shown_and_those_of_none_are_not_found() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    lake.merge()
    lake.land(event(status="void", event_time=T0 + timedelta(1)), event(event_time=T0 - timedelta(1)))
    with serving(lake.store) as api:
        rows = api.rows("/v1/flights/2013-01-01-ua-1545-ewr/events")
        merged = api.rows("/v1/flights/2013-01-01-UA-1545-EWR/events?snapshot=1")
        assert api.get("/v1/flights/2013-01-01-UA-1-EWR/events").status_code == 404
        assert api.get("/v1/flights/2014-01-01-UA-1-EWR/events").status_code == 404
        csv = api.get("/v1/flights/2013-01-01-UA-1545-EWR/events?format=csv")
    assert [(row["status"], row["absorbed"], row["is_newest"]) for row in rows] == [
        *(("void", False, True), ("arrived", True, False), ("arrived", False, False))
    ]
    assert [row["is_newest"] for row in merged] == [True]
    assert len(csv.text.splitlines()) == 4


def test_an_unreadable_file_makes_the_events_of_its_date_a_problem_that_names_it() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    broken = lake.land_bytes(date(2013, 1, 1), b"not Parquet")
    with serving(lake.store) as api:
        answer = api.get("/v1/flights/2013-01-01-UA-1545-EWR/events")
    assert answer.status_code == 503
    assert broken in answer.json()["detail"]


def test_suffixes_tell_flights_apart() -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(operational_suffix="A", tail_number="NA"), event(tail_number="N0"))
    with serving(lake.store) as api:
        assert api.json("/v1/flights/2013-01-01-UA-1545A-EWR")["data"]["tail_number"] == "NA"
        assert api.json("/v1/flights/2013-01-01-UA-1545-EWR")["data"]["tail_number"] == "N0"
        assert [key(event(operational_suffix=s)) for s in ("", "A")] == sorted(
            key(event(operational_suffix=s)) for s in ("A", "")
        )
