"""Where a path that is not there leads: to the one that was meant, by a redirect or by a problem that names it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.api.routes import paths
from query_service.middleware.not_found import Paths
from tests._support.api.in_process import Api, serving
from tests._support.api.problems import problem

ID = "2013-01-01-UA-1545-EWR"


@pytest.fixture(scope="module")
def below() -> Iterator[Api]:
    with serving(MemoryStore(), root_path="/air") as api:
        yield api


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/v1/stats/", "/v1/stats"),
        ("/v1/stats//?carrier=UA&group_by=a%2Cb", "/v1/stats?carrier=UA&group_by=a%2Cb"),
        ("/v1/flights/", "/v1/flights"),
        (f"/v1/flights/{ID}/", f"/v1/flights/{ID}"),
        (f"/v1/flights/{ID}/events/", f"/v1/flights/{ID}/events"),
        ("/v1/", "/v1"),
        ("/docs/", "/docs"),
        ("/health/", "/health"),
    ],
)
def test_a_slash_at_the_end_is_redirected_for_good(api: Api, below: Api, path: str, right: str) -> None:
    for each, prefix in ((api, ""), (below, "/air")):
        answer = each.get(prefix + path)
        assert (answer.status_code, answer.headers["Location"]) == (308, prefix + right)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/stats", "/v1/stats"),
        ("/v2/stats?carrier=UA", "/v1/stats?carrier=UA"),
        ("/api/v1/stats", "/v1/stats"),
        ("/API/Stats/", "/v1/stats"),
        ("/v1/stat", "/v1/stats"),
        ("/v1/statistics", "/v1"),
        ("/v1/flight", "/v1/flights"),
        (f"/v1/flight/{ID}", f"/v1/flights/{ID}"),
        (f"/flights/{ID}/event", f"/v1/flights/{ID}/events"),
        ("/lake", "/v1/lake"),
        ("/v1/metrics", "/metrics"),
        ("/openapi", "/openapi.json"),
        ("/v2", "/v1"),
        ("/api/", "/v1"),
        ("/v1/nothing?x=1", "/v1"),
        ("/wp-login.php", "/v1"),
        ("/" + "x" * 3000, "/v1"),
    ],
)
def test_a_path_that_is_not_there_is_a_404_with_a_link_to_the_right_one(
    api: Api, below: Api, path: str, right: str
) -> None:
    for each, prefix in ((api, ""), (below, "/air")):
        answer = each.get(prefix + path)
        document = problem(answer, 404, "not-found", prefix)
        assert answer.headers["Link"] == f'<{prefix}{right}>; rel="related"'
        assert document["expected"] == (prefix + right).partition("?")[0]
        assert document["expected"] in document["detail"]


def test_what_was_sent_is_not_said_again_unless_it_could_be_an_id(api: Api) -> None:
    answer = api.get("/v2/flights/%22SELECT%201%3E%0d%0a%C3%A9")
    assert problem(answer, 404, "not-found")["expected"] == "/v1/flights/{flight_id}"
    assert "Link" not in answer.headers
    assert "SELECT" not in answer.text


def test_headers_are_printable_ascii_whatever_was_sent() -> None:
    scope = {"method": "GET", "path": "/v1/stats/", "raw_path": b"/v1/stats/", "query_string": b'a=\xe9>"\n'}
    location = Paths(paths()).response(scope).headers["Location"]
    assert location == "/v1/stats?a=%E9%3E%22%0A"


def test_no_redirect_leads_to_another_host() -> None:
    ours = Paths(paths())
    assert [ours.without_slash(path) for path in ("//evil.example/", "//", "/", "/v1/flights/x/y/")] == [None] * 4


def test_other_methods_are_not_redirected(api: Api) -> None:
    answer = api.run(api.client.post("/v1/stats/"))
    assert problem(answer, 404, "not-found")["expected"] == "/v1/stats"


def test_the_version_lists_its_routes(api: Api, below: Api) -> None:
    listed = api.json("/v1")
    known = api.json("/openapi.json")["paths"]
    assert {each["path"]: each["summary"] for each in listed["routes"]} == {
        path: methods["get"]["summary"] for path, methods in known.items()
    }
    assert api.get(listed["documentation"]).status_code == api.get(listed["openapi"]).status_code == 200
    assert below.get(below.json("/air/v1")["routes"][0]["path"]).status_code == 200
