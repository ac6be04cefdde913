"""The paths: headers that say which lake an answer is about, where it goes on, and whether the process is well."""

from __future__ import annotations

import datetime as dt
from datetime import date
from urllib.parse import parse_qsl

import httpx
import pytest

from lakehouse.errors import StoreUnavailableError
from query_service.api.routes import LATELY
from tests._support.api.flight_pages import random_lake
from tests._support.api.in_process import serving
from tests._support.api.readers import FORMATS
from tests._support.lakes.builder import event
from tests._support.lakes.stores import WatchedStore
from tests._support.lakes.two_months import raising, two_months
from tests._support.oracles.random_stats import lake_of


def test_answers_say_which_lake_they_are_about() -> None:
    with lake_of([event()]) as api:
        answer = api.get("/v1/stats")
    assert answer.headers["Lake-Snapshot"] == "2"
    assert answer.headers["Lake-As-Of"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["Content-Type"] == "application/json"


def test_link_leads_to_the_next_page_with_the_same_parameters() -> None:
    lake, _ = random_lake(3)
    with serving(lake.store) as api:
        answer = api.get("/v1/flights?carrier=UA&limit=2&carrier=9E&date_from=2013-01-30")
        link = answer.links["next"]["url"]
        assert parse_qsl(link.partition("?")[2])[:-1] == [
            *(("carrier", "UA"), ("limit", "2"), ("carrier", "9E"), ("date_from", "2013-01-30")),
        ]
        second = api.get(link)
        third = api.get(second.links["next"]["url"])
        assert second.json()["data"] != answer.json()["data"]
        assert httpx.URL(third.url).params.get_list("cursor") == [second.json()["next_cursor"]]
        assert "Link" not in api.get("/v1/flights?limit=1000").headers


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_name_and_what_to_do_with_it_come_along(name: str) -> None:
    with lake_of([event(flight_date=date(2013, 1, 1))]) as api:
        for path in ("stats", "flights"):
            disposition = api.get(f"/v1/{path}?format={name}").headers["Content-Disposition"]
            kind = "inline" if name == "json" else "attachment"
            assert disposition == f'{kind}; filename="{path}.{name}"'


def test_the_process_lives_without_asking_anybody() -> None:
    store = WatchedStore()
    store.on_list = raising(StoreUnavailableError("down"))
    with serving(store) as api:
        answer = api.get("/health")
    assert (answer.status_code, answer.json(), answer.headers["Cache-Control"]) == (200, {"status": "ok"}, "no-store")
    assert store.landing_listings == 0


def test_the_process_is_ready_while_it_could_list_the_lake_lately_or_can_now() -> None:
    store = WatchedStore()
    moments = [dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)]
    with serving(store, lambda: moments[-1], plan_max_age_s=1.0) as api:
        assert api.get("/ready").json() == {"status": "ready"}
        store.on_list = raising(StoreUnavailableError("down"))
        moments.append(moments[0] + LATELY)
        assert api.get("/ready").status_code == 200  # listed a minute ago, and not asked again
        moments.append(moments[-1] + dt.timedelta(seconds=1))
        assert api.get("/ready").status_code == 503
        store.on_list = lambda _: None
        moments.append(moments[-1] + dt.timedelta(seconds=2))  # a failure counts for one plan age
        assert api.get("/ready").status_code == 200
    assert store.landing_listings >= 2


def test_an_answer_of_a_snapshot_may_be_kept_forever() -> None:
    with serving(two_months().store) as api:
        assert api.get("/v1/stats?snapshot=1").headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert api.get("/v1/stats").headers["Cache-Control"] == "no-cache"
