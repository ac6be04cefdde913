"""Examples of the document have the fields of real answers."""

from __future__ import annotations

import json
from typing import Any

from tests._support.api import Api

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


def test_documented_answers_have_the_fields_of_real_ones(api: Api) -> None:
    paths = api.json("/openapi.json")["paths"]

    def example(path: str) -> Any:
        return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["example"]

    assert list(example("/v1/lake")) == list(api.json("/v1/lake"))
    assert list(example("/v1/flights/{flight_id}")["data"]) == list(api.json(FLIGHT)["data"])
    events = "/v1/flights/{flight_id}/events"
    assert list(example(events)["data"][0]) == list(api.rows(f"{FLIGHT}/events")[0])
    assert list(example("/v1/flights")) == list(api.json("/v1/flights"))
    assert list(example("/v1/stats")["data"][0]) == list(api.rows("/v1/stats?group_by=carrier")[0])


def test_documented_examples_of_csv_and_ndjson_have_the_columns_of_real_answers(api: Api) -> None:
    paths = api.json("/openapi.json")["paths"]
    for url in ("/v1/stats?group_by=carrier", "/v1/flights"):
        content = paths[url.partition("?")[0]]["get"]["responses"]["200"]["content"]
        mark = "&" if "?" in url else "?"
        csv = api.get(f"{url}{mark}format=csv").text
        assert content["text/csv; charset=utf-8; header=present"]["example"].split("\r\n")[0] == csv.split("\r\n")[0]
        line = json.loads(api.get(f"{url}{mark}format=ndjson").text.splitlines()[0])
        assert list(json.loads(content["application/x-ndjson"]["example"])) == list(line)
