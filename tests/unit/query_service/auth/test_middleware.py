"""Who is let in to what, at which rate, and what headers say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys
from query_service.auth.middleware import private
from tests._support.api import Api, serving
from tests._support.api_keys import CONFIGURED, MOBILE, PARTNER, ROTATED
from tests._support.lake_builder import LakeBuilder, event

OPEN = ("/", "/health", "/ready", "/docs", "/openapi.json")
PAGES = ("/docs/oauth2-redirect", "/static/{version}/{path:path}")  # of the reference and the dashboard
SLOW = 0.001  # a request in a thousand seconds: nothing comes back while the test runs


def serving_keys(**settings: Any) -> Any:
    lake = LakeBuilder(MemoryStore())
    lake.land(event())
    return serving(lake.store, keys=load_keys(CONFIGURED, None), **settings)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving_keys() as api:
        yield api


def get(api: Api, path: str, key: str) -> Any:
    return api.get(path, **{"X-API-Key": key})


@pytest.mark.parametrize(
    "path", ["/v1/stats", "/v1/flights", "/v1/flights/2013-01-01-UA-1545-EWR", "/v1/lake", "/v1/x"]
)
def test_data_needs_a_key(api: Api, path: str) -> None:
    missing, wrong = api.get(path), get(api, path, "flk_wrong-key-of-the-tests")
    for answer in (missing, wrong):
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="flights", header="X-API-Key"'
        assert answer.json()["type"] == "urn:flights-lakehouse:problem:key"
        assert "wrong-key" not in answer.text
    assert missing.json()["detail"] != wrong.json()["detail"]
    assert get(api, path, MOBILE).status_code == (404 if path == "/v1/x" else 200)


@pytest.mark.parametrize("path", ["/%761/stats", "/v1/%73tats"])
def test_another_spelling_of_a_path_needs_a_key_too(api: Api, path: str) -> None:
    assert api.get(path).status_code == 401
    assert get(api, path, MOBILE).status_code == 200


def test_two_keys_at_once_are_no_key(api: Api) -> None:
    headers = [("X-API-Key", MOBILE), ("X-API-Key", PARTNER)]
    assert api.run(api.client.get("/v1/stats", headers=headers)).status_code == 401


@pytest.mark.parametrize("path", OPEN)
def test_what_holds_no_data_needs_no_key(api: Api, path: str) -> None:
    assert api.get(path).status_code in (200, 404)


def test_every_route_is_data_or_known_to_be_open(api: Api) -> None:
    paths = {str(getattr(route, "path", "")) for route in api.app.routes} - {""}
    assert {path for path in paths if not path.startswith("/v1/")} <= {*OPEN, *PAGES, "/metrics"}


def test_metrics_need_a_key_unless_they_are_opened() -> None:
    with serving_keys() as api:
        assert api.get("/metrics").status_code == 401
        assert get(api, "/metrics", MOBILE).status_code == 200
    with serving_keys(metrics_open=True) as api:
        assert api.get("/metrics").status_code == 200
        assert api.get("/v1/stats").status_code == 401


def test_answers_to_a_key_are_private(api: Api) -> None:
    assert get(api, "/v1/stats", MOBILE).headers["Cache-Control"] == "private, no-cache"
    assert get(api, "/v1/x", MOBILE).headers["Cache-Control"] == "no-store"


def test_without_keys_answers_are_not_private() -> None:
    with serving(MemoryStore()) as api:
        assert "private" not in api.get("/v1/stats").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "private"),
        ("no-cache", "private, no-cache"),
        ("public, max-age=31536000, immutable", "private, max-age=31536000, immutable"),
        ("private, no-cache", "private, no-cache"),
        ("no-store", "no-store"),
    ],
)
def test_public_becomes_private(before: str, after: str) -> None:
    assert private(before) == after


def test_above_the_rate_a_key_is_sent_away_with_when_to_come_back() -> None:
    with serving_keys(rate_per_s=SLOW, rate_burst=2) as api:
        first, second, third = (get(api, "/v1/stats", MOBILE) for _ in range(3))
        assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
        assert first.headers["RateLimit-Policy"] == '"per-key";q=2;w=2000'
        assert [a.headers["RateLimit"].partition(";t=")[0] for a in (first, second, third)] == [
            '"per-key";r=1',
            '"per-key";r=0',
            '"per-key";r=0',
        ]
        assert third.headers["RateLimit"] == f'"per-key";r=0;t={third.headers["Retry-After"]}'
        assert 900 < int(third.headers["Retry-After"]) <= 1000
        assert third.json()["type"] == "urn:flights-lakehouse:problem:rate"
        assert third.headers["Cache-Control"] == "no-store"
        assert get(api, "/v1/stats", ROTATED).status_code == 429  # the same caller
        assert get(api, "/v1/stats", PARTNER).status_code == 200
        assert get(api, "/metrics", MOBILE).status_code == 200
        assert "RateLimit" not in api.get("/v1/stats").headers  # 401: nobody's quota


def test_without_keys_the_instance_has_one_rate() -> None:
    with serving(MemoryStore(), rate_per_s=SLOW, rate_burst=1) as api:
        assert api.get("/v1/stats").headers["RateLimit-Policy"] == '"per-instance";q=1;w=1000'
        assert api.get("/v1/stats", **{"X-API-Key": MOBILE}).status_code == 429
        assert api.get("/health").status_code == 200


def test_without_a_rate_no_header_speaks_of_one() -> None:
    with serving(MemoryStore()) as api:
        assert not [name for name in api.get("/v1/stats").headers if name.startswith("ratelimit")]
