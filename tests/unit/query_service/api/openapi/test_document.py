"""The OpenAPI document: complete, and true of real answers."""

from __future__ import annotations

from lakehouse.store.memory import MemoryStore
from query_service.auth.api_keys import load_keys
from query_service.representation.negotiation import TABLES
from tests._support.api.in_process import Api, serving
from tests._support.api.keys import CONFIGURED

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


OF_EVERY_ANSWER = ("x-content-type-options", "content-security-policy", "referrer-policy")  # for browsers


def test_the_document_asks_for_a_key_where_one_is_needed() -> None:
    with serving(MemoryStore(), keys=load_keys(CONFIGURED, None)) as api:
        document = api.json("/openapi.json")
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-API-Key"
    for path, item in document["paths"].items():
        assert ("security" in item["get"]) is path.startswith("/v1/"), path
        assert ("401" in item["get"]["responses"]) is path.startswith("/v1/"), path
    with serving(MemoryStore()) as anybody:
        assert "securitySchemes" not in anybody.json("/openapi.json")["components"]


def test_every_parameter_and_answer_has_a_description_and_an_example(api: Api) -> None:
    for path, methods in api.json("/openapi.json")["paths"].items():
        for parameter in methods["get"].get("parameters", []):
            assert parameter["description"], (path, parameter)
            assert parameter.get("example") or parameter["schema"]["examples"], (path, parameter)
        for status, answer in methods["get"]["responses"].items():
            assert answer["description"], (path, status)
        assert methods["get"]["responses"]["200"]["content"]["application/json"]["example"], path


def test_every_format_and_header_of_real_answers_is_documented(api: Api) -> None:
    paths = api.json("/openapi.json")["paths"]
    for path, url in {
        "/v1/stats": "/v1/stats",
        "/v1/flights": "/v1/flights",
        "/v1/flights/{flight_id}": FLIGHT,
    }.items():
        documented = paths[path]["get"]["responses"]
        assert {"200", "304", "404", "406", "410", "422", "503", "504"} <= documented.keys(), path
        seen = dict[str, set[str]](types=set(), headers=set())
        for name in [each.name for each in TABLES] if path != "/v1/flights/{flight_id}" else ("json",):
            answer = api.get(f"{url}?format={name}" if path != "/v1/flights" else f"{url}?limit=1&format={name}")
            seen["types"].add(answer.headers["Content-Type"])
            seen["headers"] |= answer.headers.keys() - {"content-type", "content-length", *OF_EVERY_ANSWER}
        documented_headers = {name.lower() for name in documented["200"]["headers"]}
        assert seen["types"] == documented["200"]["content"].keys(), path
        assert seen["headers"] | {"content-encoding"} == documented_headers | {"content-encoding"}, path
        unchanged = api.get(url, **{"if-none-match": "*"})
        assert unchanged.headers.keys() - {*OF_EVERY_ANSWER} == {
            name.lower() for name in documented["304"]["headers"]
        }, path
