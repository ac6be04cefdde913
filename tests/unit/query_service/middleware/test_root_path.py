"""A service below a path prefix, with the prefix taken off and left on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys
from tests._support.api.in_process import Api, serving
from tests._support.api.keys import CONFIGURED, MOBILE
from tests._support.lakes.builder import LakeBuilder, event

PREFIX = "/air/flights"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(flight_number=2))
    with serving(lake.store, root_path=PREFIX, keys=load_keys(CONFIGURED, None)) as api:
        yield api


@pytest.mark.parametrize("prefix", [PREFIX, ""])
@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/health", "/ready", "/v1/stats", "/v1/lake"])
def test_a_path_is_served_with_the_prefix_and_without(api: Api, prefix: str, path: str) -> None:
    answer = api.get(prefix + path, **{"X-API-Key": MOBILE})
    assert answer.status_code == 200
    assert answer.content == api.get(path, **{"X-API-Key": MOBILE}).content or path == "/v1/lake"


@pytest.mark.parametrize("prefix", [PREFIX, "", "/air%2Fflights", "/%61ir/flights"])
@pytest.mark.parametrize("path", ["/v1/stats", "/v1/lake", "/metrics", "/v1/nothing"])
def test_with_the_prefix_a_path_needs_a_key_too(api: Api, prefix: str, path: str) -> None:
    assert api.get(prefix + path).status_code == 401


@pytest.mark.parametrize("path", [PREFIX + PREFIX + "/v1/stats", "/air/flightsx/v1/stats", "/air/v1/stats", "/air"])
def test_other_paths_are_not_there(api: Api, path: str) -> None:
    assert api.get(path, **{"X-API-Key": MOBILE}).status_code == 404


def test_the_prefix_alone_leads_to_the_page(api: Api) -> None:
    answer = api.get(f"{PREFIX}?carrier=UA&origin=%C3%A9")
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{PREFIX}/?carrier=UA&origin=%C3%A9"
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_the_next_page_is_below_the_prefix(api: Api, prefix: str) -> None:
    answer = api.get(f"{prefix}/v1/flights?limit=1", **{"X-API-Key": MOBILE})
    assert answer.links["next"]["url"].startswith(f"{PREFIX}/v1/flights?limit=1&cursor=")
    assert 'filename="flights.json"' in answer.headers["Content-Disposition"]


def test_the_document_says_where_the_service_is(api: Api) -> None:
    assert api.json("/openapi.json")["servers"] == [{"url": PREFIX}]
    with serving(MemoryStore()) as plain:
        assert plain.json("/openapi.json")["servers"] == [{"url": "/"}]


def test_routes_are_logged_and_counted_without_the_prefix(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "query_service.api.requests"):
        for method in ("GET", "HEAD"):
            url = f"{PREFIX}/v1/stats?carrier=UA"
            answer = api.run(api.client.request(method, url, headers={"X-API-Key": MOBILE}))
            assert answer.status_code == 200
    logged = [record for record in caplog.records if record.name == "query_service.api.requests"]
    assert [(r.fields["route"], r.fields["key"]) for r in logged] == [("/v1/stats", "mobile")] * 2  # type: ignore[attr-defined]
