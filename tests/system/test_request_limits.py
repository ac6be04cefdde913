"""Heads of requests are bounded before anything takes them apart; the refusals are problem documents."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import Request

from lakehouse.store.memory import MemoryStore
from query_service.api.parameters import max_pairs
from query_service.representation import etag, negotiation
from query_service.settings import Settings
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import LakeBuilder, event

HEADERS = Settings.model_fields["max_headers"].default
ITEMS = Settings.model_fields["max_header_items"].default
URL_BYTES = Settings.model_fields["url_kb"].default * 1000
PAIRS = max_pairs(Settings.model_fields["filter_max_values"].default)
FLOODED = ("Accept", "Accept-Encoding", "If-None-Match", "Range", "If-Range", "Connection", "Traceparent", "X-Odd")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    with serving(lake.store, proxy_hops=1) as api:
        yield api


def kind(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition("#")[2]


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/lake", "/health", "/nothing", "/docs"])
@pytest.mark.parametrize("name", FLOODED)
def test_a_header_with_too_many_items_is_refused_on_every_path(api: Api, path: str, name: str) -> None:
    answer = api.get(path, **{name: "a/b," * 15_000})
    assert kind(answer) == (431, "too-many-header-items")
    assert name.lower() in answer.json()["detail"]
    assert str(ITEMS) in answer.json()["detail"]


@pytest.mark.parametrize(
    "value", ["text/csv" + ";a=b" * 200, ";" * 200, '"a"' * 200], ids=["parameters", "bare", "tags"]
)
def test_items_are_counted_however_they_are_written(api: Api, value: str) -> None:
    assert kind(api.get("/v1/stats", If_None_Match=value, Accept=value)) == (431, "too-many-header-items")


def test_items_of_one_header_are_counted_over_all_its_lines(api: Api) -> None:
    lines = [("Accept", "a/b, c/d")] * 60
    answer = api.run(api.client.get("/v1/stats", headers=lines))
    assert kind(answer) == (431, "too-many-header-items")


@pytest.mark.parametrize("name", ["Accept", "Accept-Encoding", "If-None-Match", "X-Forwarded-For"])
def test_as_many_items_as_allowed_are_answered(api: Api, name: str) -> None:
    value = ",".join(["*/*" if name == "Accept" else "gzip"] * ITEMS)
    assert api.get("/v1/stats", **{name: value}).status_code == 200


def test_as_many_tags_as_allowed_are_looked_at(api: Api) -> None:
    tag = api.get("/v1/stats").headers["ETag"]
    tags = [f'"{number}"' for number in range(ITEMS - 1)]
    assert api.get("/v1/stats", **{"If-None-Match": ", ".join([*tags, tag])}).status_code == 304


def test_nothing_of_what_is_refused_is_parsed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(negotiation, "items", never)
    monkeypatch.setattr(etag, "parse_if_none_match", never)
    monkeypatch.setattr(Request, "query_params", property(never))
    assert api.get("/v1/stats", Accept="a/b," * 15_000).status_code == 431
    assert api.get("/v1/stats?" + "a&" * 10_000).status_code == 400


def test_too_many_headers_are_refused(api: Api) -> None:
    few = [(f"X-{number}", "y") for number in range(HEADERS - 20)]
    assert api.run(api.client.get("/health", headers=few)).status_code == 200
    assert kind(api.run(api.client.get("/health", headers=few * 2))) == (431, "too-many-headers")


@pytest.mark.parametrize("query", ["a&", "carrier=UA&", "&", "%61=%62&", "group_by=carrier&"])
def test_too_many_parameters_are_refused(api: Api, query: str) -> None:
    assert kind(api.get("/v1/stats?" + query * PAIRS)) == (400, "too-many-parameters")


def test_as_many_parameters_as_there_can_be_are_answered(api: Api) -> None:
    filters = {"carrier": "UA", "origin": "EWR", "destination": "IAH", "tail_number": "N1", "status": "arrived"}
    pairs = [f"{name}={value}" for name, value in filters.items() for _ in range(100)]
    query = "&".join([*pairs, *["flight_number=1545"] * 100, "group_by=carrier", "date_from=2013-01-01"])
    assert api.get(f"/v1/stats?{query}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/flights/" + "a" * 33_000, "/%41" + "%41" * 11_000, "/v1/stats?carrier=" + "A" * 33_000]
)
def test_a_url_that_is_too_long_is_refused(api: Api, path: str) -> None:
    answer = api.get(path)
    assert kind(answer) == (414, "url-too-long")
    assert str(URL_BYTES) in answer.json()["detail"]


def test_cookies_are_nobody_s_matter_however_many_there_are(api: Api) -> None:
    answer = api.get("/v1/stats", Cookie="; ".join(f"name{number}=value" for number in range(3000)))
    assert answer.status_code == 200


def test_a_long_list_of_names_ends_with_its_first_mistake(api: Api) -> None:
    answer = api.get("/v1/stats?group_by=carrier&order_by=" + ",".join(["-flights"] * 3000))
    assert answer.status_code == 422
    assert "flights is there twice" in answer.json()["expected"]


def test_refusals_are_counted_and_headers_are_safe(api: Api) -> None:
    answer = api.get("/v1/stats", Accept="a/b," * 15_000)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert 'flights_api_problems_total{kind="too-many-header-items"}' in api.get("/metrics").text
