"""`snapshot=N`: the month files of one snapshot alone, the same bytes from any instance, for as long as it is kept."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.table.snapshot import Snapshot, from_json, to_json
from query_service.engine import time_travel
from tests._support.api.flight_pages import flight_id, pages
from tests._support.api.in_process import Api, serving
from tests._support.api.query_counter import Counter
from tests._support.api.readers import FORMATS
from tests._support.lakes.builder import T0, Event, LakeBuilder, event
from tests._support.lakes.stores import Hook, WatchedStore
from tests._support.oracles import stats_oracle

FOREVER = "public, max-age=31536000, immutable"


class HistoryStore(WatchedStore):
    """Counts reads of snapshots; `on_read` may act before one."""

    def __init__(self) -> None:
        super().__init__()
        self.on_read: Hook = lambda _: None
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        self.on_read(name)
        return super().read(name)


def grown(seed: int, commits: int = 4) -> tuple[LakeBuilder, list[list[Event]]]:
    """A lake of several commits with a tail, and the events that each snapshot has."""
    choose = random.Random(seed)
    lake, events, known = LakeBuilder(HistoryStore()), [], list[list[Event]]()
    for _ in range(commits):
        events += stats_oracle.random_events(choose, 60)
        lake.land(*events[-60:])
        lake.merge(collect=True)
        known.append(list(events))
    lake.land(*stats_oracle.random_events(choose, 30))
    return lake, known


def retain(lake: LakeBuilder, min_retained: int, collect: bool = True) -> None:
    """A commit that changes no month and retains nothing below `min_retained`; what is not retained is deleted."""
    before = lake.snapshot
    lake.snapshot = dataclasses.replace(before, number=before.number + 1, min_retained=min_retained)
    lake.store.create(object_names.snapshot(lake.snapshot.number), to_json(lake.snapshot))
    if collect:
        delete_below(lake, min_retained)


def delete_below(lake: LakeBuilder, min_retained: int) -> None:
    """What the collector does: old snapshots, then month files that no other one names."""
    snapshots = {n: _snapshot(lake, n) for n in range(1, lake.snapshot.number + 1)}
    kept = {entry.name for n, s in snapshots.items() if s and n >= min_retained for entry in s.all_files()}
    for number, snapshot in snapshots.items():
        if snapshot and number < min_retained:
            lake.store.delete(object_names.snapshot(number))
            for entry in snapshot.all_files():
                if entry.name not in kept:
                    lake.store.delete(entry.name)


def _snapshot(lake: LakeBuilder, number: int) -> Snapshot | None:
    listed = [info.name for info in lake.store.list(object_names.SNAPSHOTS)]
    name = object_names.snapshot(number)
    return from_json(name, MemoryStore.read(lake.store, name)) if name in listed else None  # type: ignore[arg-type]


def problem(api: Api, url: str, status: int) -> dict[str, Any]:
    answer = api.get(url)
    assert answer.status_code == status, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = answer.json()
    assert document["parameter"] == "snapshot"
    return document


def stats(events: Sequence[Event]) -> list[stats_oracle.Row]:
    return stats_oracle.statistics(stats_oracle.matching(events, {}, None, None), ["carrier"])


def test_answers_are_from_the_month_files_of_that_snapshot_alone() -> None:
    lake, known = grown(1)
    with serving(lake.store) as api:
        for number, events in enumerate(known, 1):
            answer = api.get(f"/v1/stats?group_by=carrier&snapshot={number}")
            assert answer.json()["data"] == stats(events)
            assert answer.headers["Lake-Snapshot"] == str(number)
            found = pages(api, f"/v1/flights?limit=20&snapshot={number}")
            assert [one for page in found for one in page] == [
                flight_id(row) for row in stats_oracle.matching(events, {}, None, None)
            ]


def test_the_next_page_is_of_the_same_snapshot() -> None:
    lake, _ = grown(2)
    with serving(lake.store) as api:
        link = api.get("/v1/flights?limit=3&snapshot=2").links["next"]["url"]
        assert "snapshot=2" in link
        assert api.get(link).headers["Lake-Snapshot"] == "2"


def test_one_flight_is_shown_as_that_snapshot_has_it() -> None:
    lake = LakeBuilder(MemoryStore())
    url = "/v1/flights/2013-01-01-UA-1545-EWR"
    for hours, status in enumerate(["scheduled", "departed", "arrived"]):
        lake.land(event(status=status, event_time=T0 + timedelta(hours=hours)))
        lake.merge()
    lake.land(event(status="void", event_time=T0 + timedelta(hours=9)))
    with serving(lake.store) as api:
        answers = [api.get(f"{url}?snapshot={number}") for number in (1, 2, 3)]
        assert [answer.json()["data"]["status"] for answer in answers] == ["scheduled", "departed", "arrived"]
        assert [answer.headers["Lake-Snapshot"] for answer in answers] == ["1", "2", "3"]
        assert all(answer.json()["data"]["source"]["absorbed"] for answer in answers)
        assert {answer.headers["Cache-Control"] for answer in answers} == {FOREVER}
        again = api.get(f"{url}?snapshot=2", **{"if-none-match": answers[1].headers["ETag"]})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, FOREVER)
        assert api.get(url).status_code == 404
        assert api.get("/v1/flights/2013-01-01-UA-1-EWR?snapshot=2").status_code == 404


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_question_gives_the_same_bytes_from_any_instance_at_any_time(name: str) -> None:
    lake, _ = grown(3)
    urls = [f"/v1/{path}&snapshot=2&format={name}" for path in ("stats?group_by=route", "flights?limit=50")]
    with serving(lake.store) as api:
        before = [api.get(url) for url in urls]
    lake.merge(collect=True)
    lake.land(event(flight_number=77))
    with serving(lake.store, result_cache_mb=0) as api:
        after = [api.get(url) for url in urls]
    for one, other in zip(before, after, strict=True):
        assert one.status_code == 200
        assert one.content == other.content
        assert one.headers["ETag"] == other.headers["ETag"]
        assert not one.headers["ETag"].startswith("W/")
        assert one.headers["Cache-Control"] == other.headers["Cache-Control"] == FOREVER
        assert one.headers["Lake-Snapshot"] == "2"
        assert one.headers["Vary"] == "Accept, Accept-Encoding"


def test_a_match_runs_no_query_and_a_snapshot_is_read_once(queries: Counter) -> None:
    lake, _ = grown(4)
    store = lake.store
    assert isinstance(store, HistoryStore)
    with serving(store) as api:
        whole = api.get("/v1/stats?snapshot=2")
        asked = queries.count
        answer = api.get("/v1/stats?snapshot=2", **{"if-none-match": whole.headers["ETag"]})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (304, FOREVER)
        assert queries.count == asked
        store.reads.clear()
        assert api.get("/v1/stats?snapshot=2&carrier=UA").status_code == 200
        assert store.reads == []


def test_the_latest_snapshot_is_answered_without_the_tail() -> None:
    lake, known = grown(5)
    with serving(lake.store) as api:
        answer = api.get("/v1/stats?group_by=carrier&snapshot=4")
        assert answer.json()["data"] == stats(known[-1])
        assert answer.json()["data"] != api.rows("/v1/stats?group_by=carrier")
        assert answer.headers["Cache-Control"] == FOREVER


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-01-UA-1545-EWR"])
def test_a_snapshot_that_another_instance_has_shown_is_there_despite_old_plans(path: str) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store, plan_max_age_s=3600.0) as api:
        assert api.get(path).headers["Lake-Snapshot"] == "0"
        lake.merge()
        answer = api.get(f"{path}?snapshot=1")
        assert (answer.status_code, answer.headers["Lake-Snapshot"]) == (200, "1")


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-01-UA-1545-EWR"])
def test_a_snapshot_that_is_not_there_yet_is_not_found(path: str) -> None:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store) as api:
        refused = problem(api, f"{path}?snapshot=1", 404)
        assert "the latest is 0" in refused["detail"]
        assert refused["expected"] == "to be left out: nothing has been merged yet"
        lake.merge()
        assert api.get(f"{path}?snapshot=1").status_code == 200
        assert "the latest is 1" in problem(api, f"{path}?snapshot=2", 404)["detail"]


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-30-UA-1-EWR"])
@pytest.mark.parametrize("collect", [True, False])
def test_a_snapshot_that_is_not_retained_is_gone_whether_or_not_it_was_deleted(path: str, collect: bool) -> None:
    lake, _ = grown(6)
    with serving(lake.store) as api:
        known = api.get(f"{path}?snapshot=2").headers.get("ETag", '"x"')
        retain(lake, 3, collect)
        for header in ("", known, "*"):  # nobody has it who asks here
            answer = api.get(f"{path}?snapshot=2", **{"if-none-match": header})
            assert answer.status_code == 410
        assert "the oldest that is, is 3" in problem(api, f"{path}?snapshot=2", 410)["detail"]
        assert api.get("/v1/stats?snapshot=3").status_code == 200


def test_an_object_created_at_an_expired_number_is_refused() -> None:
    """Somebody slept for longer than the retention, and committed the number once more."""
    lake, _ = grown(7)
    retain(lake, 3)
    forged = Snapshot(2, 1, {}, frozenset())
    lake.store.create(object_names.snapshot(2), to_json(forged))
    with serving(lake.store) as api:
        problem(api, "/v1/stats?snapshot=2", 410)


def on_first_read(store: HistoryStore, number: int, act: Callable[[], object]) -> None:
    def hook(name: str) -> None:
        if name == object_names.snapshot(number):
            store.on_read = lambda _: None
            act()

    store.on_read = hook


def test_an_expired_snapshot_created_again_before_the_read_is_refused() -> None:
    lake, _ = grown(8)
    store = lake.store
    assert isinstance(store, HistoryStore)

    def replace() -> None:
        retain(lake, 3)
        store.create(object_names.snapshot(2), to_json(Snapshot(2, 1, {}, frozenset())))

    on_first_read(store, 2, replace)
    with serving(store, plan_max_age_s=60.0) as api:
        problem(api, "/v1/stats?snapshot=2", 410)


def test_a_snapshot_that_is_collected_right_before_it_is_read_is_gone() -> None:
    lake, _ = grown(9)
    store = lake.store
    assert isinstance(store, HistoryStore)
    on_first_read(store, 2, lambda: retain(lake, 3))
    with serving(store, plan_max_age_s=60.0) as api:
        problem(api, "/v1/stats?snapshot=2", 410)


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights"])
def test_a_month_file_that_is_collected_while_it_is_wanted_makes_the_snapshot_gone(path: str) -> None:
    lake, _ = grown(10)
    store = lake.store
    assert isinstance(store, HistoryStore)

    def collect(_: str) -> None:
        store.on_download = lambda _: None
        retain(lake, 3)

    store.on_download = collect
    with serving(store, plan_max_age_s=60.0) as api:
        problem(api, f"{path}?snapshot=2", 410)
        assert api.get(f"{path}?snapshot=3").status_code == 200


def test_a_month_file_of_a_retained_snapshot_that_is_lost_is_named() -> None:
    lake, _ = grown(11)
    snapshot = _snapshot(lake, 2)
    assert snapshot is not None
    lost = snapshot.months["2013-01"][0].name
    lake.store.delete(lost)
    with serving(lake.store) as api:
        answer = api.get("/v1/stats?snapshot=2")
        assert answer.status_code == 503
        assert lost in answer.json()["detail"]
        assert api.get("/v1/stats").status_code == 200
        assert api.get("/v1/stats?snapshot=2&date_from=2013-02-01").status_code == 200


def test_a_retained_snapshot_that_is_lost_is_named() -> None:
    lake, _ = grown(12)
    lake.store.delete(object_names.snapshot(2))
    with serving(lake.store) as api:
        answer = api.get("/v1/stats?snapshot=2")
    assert answer.status_code == 503
    assert object_names.snapshot(2) in answer.json()["detail"]


def test_few_snapshots_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_travel, "_REMEMBERED", 2)
    lake, known = grown(13, commits=6)
    store = lake.store
    assert isinstance(store, HistoryStore)
    with serving(store) as api:
        remembered = api.app.state.services.conditional_get._history._remembered
        for number in (1, 2, 3, 4, 5, 1):
            assert api.rows(f"/v1/stats?group_by=carrier&snapshot={number}") == stats(known[number - 1])
            assert len(remembered) <= 2
        assert list(remembered) == [5, 1]


def test_old_files_share_the_bounded_cache() -> None:
    """Room for about one month file: each snapshot has its own."""
    lake, known = grown(14)
    entries = [
        dataclasses.replace(entry, size=700_000)
        for number in range(1, 5)
        if (snapshot := _snapshot(lake, number)) is not None
        for entry in snapshot.months["2013-01"]
    ]
    lake.commit({"2013-01": entries[0]}, ())
    lake.commit({"2013-01": entries[1]}, ())
    lake.commit({"2013-01": entries[2]}, ())
    lake.commit({"2013-01": entries[2]}, ())  # the latest follows the one before it, or nobody would answer
    with serving(lake.store, file_cache_mb=1, result_cache_mb=0) as api:
        for number in (5, 6, 7, 5, 6, 7):
            answer = api.get(f"/v1/stats?group_by=carrier&snapshot={number}")
            events = [row for row in known[number - 5] if row["flight_date"] < date(2013, 2, 1)]
            assert answer.json()["data"] == stats(events)
        assert api.app.state.services.executor._cache.stats.bytes <= 1_000_000
