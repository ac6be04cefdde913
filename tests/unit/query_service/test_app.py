"""The application and the layers around its routes: what pages of other origins may do."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from lakehouse.store.memory import MemoryStore
from query_service.app import EXPOSED
from query_service.auth.api_keys import load_keys, new_key
from query_service.auth.middleware import HEADER
from tests._support.api.in_process import Api, serving

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(MemoryStore(), cors_origins=PAGE, tls_in_front=True) as api:
        yield api


def preflight(api: Api, origin: str) -> httpx.Response:
    asks = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": HEADER}
    return api.run(api.client.options("/v1/stats", headers=asks))


def test_a_known_page_may_ask_and_read_what_it_needs(api: Api) -> None:
    assert preflight(api, PAGE).headers["Access-Control-Allow-Origin"] == PAGE
    headers = api.get("/v1/stats", Origin=PAGE).headers
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Expose-Headers"] == ", ".join(EXPOSED)
    assert {"Accept", "Accept-Encoding", "Origin"} <= {name.strip() for name in headers["Vary"].split(",")}


def test_other_pages_may_not(api: Api) -> None:
    assert preflight(api, "https://other.example").status_code == 400
    assert "Access-Control-Allow-Origin" not in api.get("/v1/stats", Origin="https://other.example").headers


def test_by_default_no_page_may() -> None:
    with serving(MemoryStore()) as plain:
        assert "Access-Control-Allow-Origin" not in plain.get("/v1/stats", Origin=PAGE).headers
        assert preflight(plain, PAGE).status_code == 405


def test_a_page_can_read_why_it_was_sent_away_and_needs_no_key_to_ask_whether_it_may() -> None:
    keys = load_keys(new_key("mobile")[1], None)
    with serving(MemoryStore(), keys=keys, cors_origins="*") as api:
        assert preflight(api, PAGE).status_code == 200
        refused = api.get("/v1/stats", Origin=PAGE)
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
