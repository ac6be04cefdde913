"""Who is let in to what, at which rate, and what headers say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys
from query_service.auth.middleware import private
from tests._support.api.in_process import Api, serving
from tests._support.api.keys import CONFIGURED, MOBILE, PARTNER, ROTATED
from tests._support.lakes.builder import LakeBuilder, event

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
        assert answer.headers.get_list("WWW-Authenticate") == [
            'ApiKey realm="flights", header="X-API-Key"',
            'Bearer realm="flights"',
        ]
        assert answer.json()["type"] == "/problems#key"
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


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("path", ["/v1/stats", "/metrics"])
def test_a_key_may_come_as_a_bearer_token(api: Api, path: str, scheme: str) -> None:
    assert api.get(path, Authorization=f"{scheme} {MOBILE}").status_code == 200
    assert api.get(path, Authorization=f"{scheme}  {ROTATED} ").status_code == 200
    assert api.get(path, Authorization=f"{scheme} {MOBILE}x").status_code == 401


@pytest.mark.parametrize(
    "authorization", [f"Basic {MOBILE}", MOBILE, "Bearer", "Bearer ", f"Bearer{MOBILE}", f"Bearer {MOBILE} {MOBILE}"]
)
def test_what_is_no_bearer_token_is_no_key(api: Api, authorization: str) -> None:
    answer = api.get("/v1/stats", Authorization=authorization)
    assert answer.status_code == 401
    assert MOBILE not in answer.text


def test_two_bearer_tokens_are_no_key(api: Api) -> None:
    headers = [("Authorization", f"Bearer {MOBILE}")] * 2
    assert api.run(api.client.get("/v1/stats", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {MOBILE}", 200),
        (f"Bearer {PARTNER}", 401),
        (f"Bearer {ROTATED}", 401),  # the same caller's, and still another one
        ("Bearer flk_unknown-key-of-the-tests", 401),
        ("Bearer eyJhbGciOi.identity.token", 200),  # checked by what stands in front
        ("Basic dXNlcjpwYXNzd29yZA==", 200),
    ],
)
def test_with_x_api_key_no_other_key_may_come(api: Api, authorization: str, status: int) -> None:
    answer = api.get("/v1/stats", **{"X-API-Key": MOBILE, "Authorization": authorization})
    assert answer.status_code == status
    assert status == 200 or "two different" in answer.json()["detail"]


def test_a_wrong_x_api_key_is_not_made_good_by_a_bearer_token(api: Api) -> None:
    headers = {"X-API-Key": "flk_wrong-key-of-the-tests", "Authorization": f"Bearer {MOBILE}"}
    assert api.get("/v1/stats", **headers).status_code == 401


def test_both_ways_to_send_a_key_share_one_rate() -> None:
    with serving_keys(rate_per_s=SLOW, rate_burst=2) as api:
        answers = [get(api, "/v1/stats", MOBILE), api.get("/v1/stats", Authorization=f"Bearer {MOBILE}")]
        answers.append(get(api, "/v1/stats", MOBILE))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert answers[1].headers["Cache-Control"] == "private, no-cache"


def test_a_bearer_token_is_never_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        for token in (ROTATED, "unknown-token-of-the-tests"):
            api.get("/v1/stats", Authorization=f"Bearer {token}")
    assert caplog.records
    assert not any(ROTATED in str(vars(record)) or "unknown-token" in str(vars(record)) for record in caplog.records)


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
        assert third.json()["type"] == "/problems#rate"
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
