"""Every example of the document is sent: the lake of the day that they are about answers with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from query_service.representation.negotiation import CSV, JSON, NDJSON
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import event
from tests._support.lakes.real_day import real_day
from tests._support.oracles.random_stats import lake_of

STATED = ("getLake", "getAirports", "getCarriers")
"""Of the state of a lake, whose bytes and times are not those of the example; and those that show one row of many."""

OF_ONE_LAKE = ("message_id", "message_line", "file", "source")
BESIDE = {
    ("/v1/stats", "order_by"): "group_by=carrier",
    ("/v1/stats", "min_flights"): "group_by=carrier",
    ("/v1/stats", "names"): "group_by=carrier",
    ("/v1/flights", "delay"): "delay_min=15",
    ("/v1/flights", "delay_min"): "delay=departure",
    ("/v1/flights", "delay_max"): "delay=departure",
    ("/v1/flights/{flight_id}", "wait_s"): "min_event_time=2013-01-01T10:00:00Z",
}
"""What a parameter needs in addition."""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(real_day().store) as made:
        yield made


@pytest.fixture(scope="module")
def operations(api: Api) -> dict[str, dict[str, Any]]:
    """By path."""
    return {path: methods["get"] for path, methods in api.json("/openapi.json")["paths"].items()}


def request_of(operation: dict[str, Any]) -> str:
    """The request whose answer the example is."""
    found = re.search("`GET ([^`]+)`", operation["responses"]["200"]["description"])
    assert found is not None
    return found[1]


def lasting(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what is different in each lake."""
    rows = body["data"] if isinstance(body["data"], list) else [body["data"]]
    shown = [{name: value for name, value in row.items() if name not in OF_ONE_LAKE} for row in rows]
    return body | {"data": shown}


def test_every_example_is_what_its_request_is_answered_with(api: Api, operations: dict[str, dict[str, Any]]) -> None:
    for path, operation in operations.items():
        answer = api.get(request_of(operation))
        assert answer.status_code == 200, path
        example, body = operation["responses"]["200"]["content"][JSON.media_type]["example"], answer.json()
        if operation["operationId"] in STATED:
            assert example.keys() == body.keys()
            assert "data" not in body or example["data"][0] in body["data"]
        else:
            assert ("data" not in body and example == body) or lasting(example) == lasting(body), path
            assert list(example) == list(body)


def test_every_example_meets_its_schema(api: Api, operations: dict[str, dict[str, Any]]) -> None:
    components = {"components": api.json("/openapi.json")["components"]}
    for path, operation in operations.items():
        content = operation["responses"]["200"]["content"][JSON.media_type]
        for body in (content["example"], api.json(request_of(operation))):
            validator = Draft202012Validator(content["schema"] | components, format_checker=FormatChecker())
            assert not [error.message for error in validator.iter_errors(body)], path


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights"])
def test_examples_of_text_are_the_bytes_of_their_answers(
    api: Api, operations: dict[str, dict[str, Any]], path: str
) -> None:
    operation = operations[path]
    for format in (CSV, NDJSON):
        answer = api.get(f"{request_of(operation)}&format={format.name}")
        assert operation["responses"]["200"]["content"][format.media_type]["example"] == answer.text


def test_the_example_of_every_parameter_is_answered_with_rows(api: Api, operations: dict[str, dict[str, Any]]) -> None:
    sent = 0
    for path, operation in operations.items():
        for parameter in operation.get("parameters", []):
            case = path, parameter["name"]
            url, headers = example_request(path, parameter)
            answer = api.get(url, **headers)
            assert answer.status_code == (206 if parameter["name"] == "Range" else 200), case
            if answer.status_code == 200 and answer.headers["Content-Type"] == JSON.media_type:
                assert answer.json().get("data", "none") != [], case
            sent += 1
    assert sent > 60


def example_request(path: str, parameter: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """A request with the example of the parameter: its URL and headers."""
    if parameter["in"] == "path":
        return path.replace("{flight_id}", parameter["schema"]["examples"][0]), {}
    url, example = path.replace("{flight_id}", "2013-01-01-UA-1545-EWR"), parameter["example"]
    if parameter["in"] == "header":
        return url, {parameter["name"]: example, "accept-encoding": "identity"}
    value = ",".join(map(str, example)) if isinstance(example, list) else example
    return f"{url}?{urlencode({parameter['name']: value})}&{BESIDE.get((path, parameter['name']), '')}", {}


def test_documented_answers_have_the_fields_of_real_ones() -> None:
    """Of another lake too, whose flights have less."""
    with lake_of([event(), event(carrier="AA", flight_number=1)]) as api:
        for operation in (methods["get"] for methods in api.json("/openapi.json")["paths"].values()):
            example = operation["responses"]["200"]["content"][JSON.media_type]["example"]
            body = api.get(request_of(operation)).json()
            assert list(example) == list(body)
            rows = [found["data"] for found in (example, body) if "data" in found]
            columns = [list(row[0] if isinstance(row, list) else row) for row in rows]
            assert columns[:1] == columns[1:]
