"""The API's metrics move as they should."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from lakehouse.errors import StoreUnavailableError
from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys, new_key
from query_service.auth.middleware import HEADER
from tests._support.api.in_process import Api, serving
from tests._support.api.metrics_page import Page, page
from tests._support.lakes.builder import LakeBuilder, event
from tests._support.lakes.stores import Gate, WatchedStore
from tests._support.metrics_docs import documented_metrics


def test_requests_are_counted_by_route_and_never_by_what_was_asked(lake: LakeBuilder) -> None:
    lake.land(event())
    with serving(lake.store) as api:
        for path in ("2013-01-01-UA-1545-EWR", "2013-01-01-AA-1-JFK", "nonsense"):
            api.get(f"/v1/flights/{path}")
        api.get("/v1/stats?carrier=UA")
        for path in ("/secret", "/v1/%0a", "/docs", "/openapi.json"):
            api.get(path)
        api.run(api.client.post("/v1/stats"))
        seen = page(api)
    flight = "/v1/flights/{flight_id}"
    assert [seen.get("requests_total", route=flight, status=s, key="none") for s in ("200", "404", "422")] == [1, 1, 1]
    assert seen.get("requests_total", route="/v1/stats", status="200", key="none") == 1
    assert seen.get("requests_total", route="/v1/stats", status="405", key="none") == 1
    assert seen.get("requests_total", route="other", status="404", key="none") == 2
    assert seen.get("requests_total", route="other", status="200", key="none") == 1  # the OpenAPI document
    assert seen.get("requests_total", route="/docs", status="200", key="none") == 1
    assert seen.get("request_seconds_count", route=flight) == 3
    assert seen.get("response_bytes_total", route=flight) > 500
    assert seen.get("problems_total", kind="flight") == 1
    assert seen.get("problems_total", kind="parameter") == 1
    routes = {dict(labels)["route"] for name, labels in seen.samples if name == "flights_api_requests_total"}
    assert routes == {flight, "/v1/stats", "/docs", "other"}


def test_labels_are_those_that_are_documented(lake: LakeBuilder) -> None:
    lake.land(event())
    with serving(lake.store) as api:
        for path in ("/v1/stats", "/v1/lake", "/v1/x"):
            api.get(path)
        seen = page(api)
    labels_of = {row.name: set(row.labels.replace("`", "").split()) for row in documented_metrics()}
    for name, labels in seen.samples:
        family = name if name in labels_of else name.rpartition("_")[0]  # _bucket, _count and _sum
        assert {label for label, _ in labels} - {"le"} == labels_of[family], name


def test_the_key_is_named_and_not_shown(lake: LakeBuilder) -> None:
    key, entry = new_key("mobile")
    with serving(lake.store, keys=load_keys(entry, None)) as api:
        api.get("/v1/stats")
        api.get("/v1/stats", **{HEADER: key})
        text = api.get("/metrics", **{HEADER: key}).text
        seen = Page(text)
    assert seen.get("requests_total", route="/v1/stats", status="200", key="mobile") == 1
    assert seen.get("requests_total", route="other", status="401", key="none") == 1
    assert key not in text
    assert entry.partition(":")[2] not in text


def test_freshness_is_known_for_a_minute_after_a_look_at_the_whole_lake(lake: LakeBuilder) -> None:
    clock = [dt.datetime.now(dt.UTC)]
    lake.land(event(publish_time=clock[0] - dt.timedelta(seconds=3)), event(flight_number=2))
    with serving(lake.store, now=lambda: clock[0]) as api:
        api.get("/v1/stats")
        assert math.isnan(page(api).get("freshness_seconds"))
        api.get("/v1/lake")
        clock[0] += dt.timedelta(seconds=59)
        assert page(api).get("freshness_seconds") == pytest.approx(3, abs=0.001)
        assert page(api).get("tail_rows") == 2
        clock[0] += dt.timedelta(seconds=2)
        assert math.isnan(page(api).get("freshness_seconds"))
        assert math.isnan(page(api).get("tail_rows"))


def test_an_empty_lake_is_neither_fresh_nor_old(lake: LakeBuilder) -> None:
    with serving(lake.store) as api:
        api.get("/v1/lake")
        seen = page(api)
    assert math.isnan(seen.get("freshness_seconds"))
    assert math.isnan(seen.get("landing_age_seconds"))
    assert seen.get("tail_rows") == seen.get("tail_files") == seen.get("snapshot_number") == 0


def test_questions_under_way_and_turned_away_are_counted() -> None:
    store, gate = WatchedStore(), Gate()
    LakeBuilder(store).land(event())
    store.on_download = gate
    with serving(store, max_concurrent_queries=1, queue_limit=0) as api:

        async def together() -> tuple[Page, httpx.Response]:
            first = asyncio.create_task(api.client.get("/v1/stats"))
            await asyncio.to_thread(gate.wait_until_reached)
            assert (await api.client.get("/v1/stats")).status_code == 503
            meanwhile = Page((await api.client.get("/metrics")).text)
            gate.open()
            return meanwhile, await first

        meanwhile, first = api.run(together())
        assert first.status_code == 200
        assert meanwhile.get("questions_in_progress") == 1
        assert meanwhile.get("questions_shed_total") == 1
        assert meanwhile.get("problems_total", kind="overloaded") == 1
        after = page(api)
        assert after.get("questions_in_progress") == 0
        assert after.get("questions_admitted_total") == 1
        assert after.get("query_seconds_count") == 1


def test_a_storage_that_fails_shows(lake: LakeBuilder) -> None:
    store = WatchedStore()

    def fail(_: str) -> None:
        raise StoreUnavailableError("503")

    store.on_list = fail
    with serving(store) as api:
        assert api.get("/v1/stats").status_code == 503
        seen = page(api)
    assert seen.store("requests_total", operation="list", area="landing", outcome="unavailable") == 1
    assert seen.get("problems_total", kind="storage") == 1


@contextmanager
def two_services() -> Iterator[tuple[Api, Api]]:
    with serving(MemoryStore()) as one, serving(MemoryStore()) as other:
        yield one, other


def test_two_applications_in_a_process_do_not_share_metrics() -> None:
    with two_services() as (one, other):
        one.get("/v1/stats")
        assert page(one).get("requests_total", route="/v1/stats", status="200", key="none") == 1
        assert page(other).get("requests_total", route="/v1/stats", status="200", key="none") == 0
