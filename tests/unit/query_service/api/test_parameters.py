"""Every parameter at its limits: what is documented is answered, what is beyond is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from lakehouse.schema.event import COLUMNS
from lakehouse.store.memory import MemoryStore
from query_service.api.parameters import (
    AIRPORTS,
    CARRIERS,
    CURSOR,
    DATE_FROM,
    EVENTS,
    FILTERS,
    FLIGHT,
    FLIGHTS,
    LAKE,
    MIN_EVENT_TIME,
    ORDER_BY,
    PARAMETERS,
    SNAPSHOT,
    STATS,
    parameters_of,
)
from query_service.api.query_string import Parameter
from query_service.queries.filters_sql import COMPUTED
from query_service.queries.model import GROUPS, Filters, cursor_of
from query_service.settings import Settings
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import LakeBuilder, event

ENDPOINTS = (STATS, FLIGHTS, FLIGHT, EVENTS, LAKE, AIRPORTS, CARRIERS)
MAX_VALUES = 3
HIGHEST_SNAPSHOT = 999_999_999
LATEST_TIME = datetime(2999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def form(parameter: Parameter[Any]) -> str:
    """The pattern of one value."""
    pattern: str = parameter.type.schema.get("pattern", "")
    return pattern.removeprefix("^").removesuffix("$")


TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    form(FILTERS[0]): (("UA", "UAL", "00", "ual"), ("U", "UALX", "U-", "Uß")),
    form(FILTERS[1]): (("EWR", "KEWR", "000", "ewr"), ("EW", "KEWRX", "E R", "ſfo")),
    form(FILTERS[4]): (("☃", "☃" * 10, "a b"), ("☃" * 11,)),
    form(DATE_FROM): (
        ("1980-01-01", "2100-12-31"),
        ("1979-12-31", "2101-01-01", "2013-1-01", "2013-13-01", "2013-00-01", "2013-01-32"),
    ),
    form(ORDER_BY): (("flights", "-flights", "-arrival_delay_max,flights"), ("+flights", "flights,", "--flights", "x")),
    form(CURSOR): (
        (cursor_of("2013-01-01-UA-1-EWR"), cursor_of("2013-01-01-UAL-1545A-KEWR")),
        ("A" * 25, "A" * 97, cursor_of("2013-01-01-UA-1-EWR") + "="),
    ),
    form(MIN_EVENT_TIME): (
        ("1000-01-01T00:00:00Z", "2999-12-31t23:59:59.999999999z", "2013-01-01T00:00:00-23:59"),
        ("0999-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "2013-01-01T00:00:00", "2013-01-01T00:00:00.0000000001Z"),
    ),
}
"""Of each form of a text: what it allows at its limits, and what is beyond. A new form needs a row."""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    lake = LakeBuilder(MemoryStore())
    lake.land(event(event_time=LATEST_TIME))
    lake.merge()
    lake.snapshot = replace(lake.snapshot, number=HIGHEST_SNAPSHOT - 2)
    lake.merge()
    lake.merge()
    with serving(lake.store, filter_max_values=MAX_VALUES) as serving_api:
        yield serving_api


@pytest.fixture(scope="module")
def documented(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    """Endpoint and name -> the parameter, as the document has it."""
    paths = api.json("/openapi.json")["paths"]
    return {
        (path, parameter["name"]): parameter
        for path, methods in paths.items()
        for parameter in methods["get"].get("parameters", [])
        if parameter["in"] == "query"
    }


def ask(api: Api, endpoint: str, parameter: Parameter[Any], *values: object) -> tuple[int, str | None]:
    """The status, and which parameter a problem names."""
    needed = {
        "wait_s": {"min_event_time": "2013-01-01T00:00:00Z"},
        "escape_formulas": {"format": "csv"},
        "min_flights": {"group_by": "carrier"},
        "delay": {"delay_min": "0"},
        "delay_min": {"delay": "arrival"},
        "delay_max": {"delay": "departure"},
    }
    if endpoint == STATS:
        needed["names"] = {"group_by": "carrier"}
    beside = needed.get(parameter.name, {})
    query = urlencode([(parameter.name, str(value)) for value in values] + list(beside.items()))
    answer = api.get(f"{endpoint.replace('{flight_id}', '2013-01-01-UA-1545-EWR')}?{query}")
    return answer.status_code, None if answer.status_code == 200 else answer.json().get("parameter")


def limits(parameter: Parameter[Any], schema: dict[str, Any]) -> tuple[list[object], list[object]]:
    """Single values that the documented schema of one allows at its limits, and those just beyond."""
    if form(parameter):
        allowed, beyond = TEXTS[form(parameter)]
        return list(allowed), list(beyond)
    if "enum" in schema:
        return list(schema["enum"]), [schema["enum"][0].upper(), f"{schema['enum'][0]}x"]
    below, above = schema["minimum"] - 1, schema["maximum"] + 1
    return [schema["minimum"], schema["maximum"]], [below, above]


CASES = [
    pytest.param(endpoint, parameter, id=f"{endpoint}-{parameter.name}")
    for endpoint in ENDPOINTS
    for parameter in parameters_of(endpoint)
]


@pytest.mark.parametrize(("endpoint", "parameter"), CASES)
def test_limits_of_a_parameter_are_those_documented(
    api: Api, documented: dict[tuple[str, str], dict[str, Any]], endpoint: str, parameter: Parameter[Any]
) -> None:
    schema = documented[endpoint, parameter.name]["schema"]
    one = schema.get("items", schema)
    allowed, beyond = limits(parameter, one)
    for value in allowed:
        assert Draft202012Validator(one).is_valid(value), value
        assert ask(api, endpoint, parameter, value) == (200, None), value
    for value in beyond:
        assert not Draft202012Validator(one).is_valid(value), value
        assert ask(api, endpoint, parameter, value) == (422, parameter.name), value


@pytest.mark.parametrize(("endpoint", "parameter"), CASES)
def test_a_parameter_is_repeated_as_often_as_documented(
    api: Api, documented: dict[tuple[str, str], dict[str, Any]], endpoint: str, parameter: Parameter[Any]
) -> None:
    schema = documented[endpoint, parameter.name]["schema"]
    allowed, _ = limits(parameter, schema.get("items", schema))
    twice = ask(api, endpoint, parameter, allowed[0], allowed[-1])
    assert twice == ((200, None) if schema.get("type") == "array" else (422, parameter.name))
    if parameter.max_values_setting is not None:
        assert parameter.max_values_setting in Settings.model_fields
        assert schema["maxItems"] == MAX_VALUES
        assert ask(api, endpoint, parameter, *[allowed[0]] * MAX_VALUES) == (200, None)
        assert ask(api, endpoint, parameter, *[allowed[0]] * (MAX_VALUES + 1)) == (422, parameter.name)
        assert ask(api, endpoint, parameter, ",".join([str(allowed[0])] * (MAX_VALUES + 1)))[0] == 422
    if schema.get("type") == "array":
        assert ask(api, endpoint, parameter, f"{allowed[0]},{allowed[-1]}") == (200, None)
        assert ask(api, endpoint, parameter, f"{allowed[0]},,{allowed[-1]}") == (422, parameter.name)
    if schema.get("uniqueItems"):
        assert ask(api, endpoint, parameter, allowed[0], allowed[0]) == (422, parameter.name)


@pytest.mark.parametrize(("endpoint", "parameter"), CASES)
def test_the_example_of_a_parameter_is_accepted(api: Api, endpoint: str, parameter: Parameter[Any]) -> None:
    examples = parameter.example if isinstance(parameter.example, list) else [parameter.example]
    if parameter.name == "order_by" and endpoint == STATS:  # a column of the result only when it is grouped by
        assert api.get(f"{endpoint}?group_by=carrier&order_by={parameter.example}").status_code == 200
    else:
        assert ask(api, endpoint, parameter, *examples) == (200, None)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_parameter_of_other_endpoints_is_unknown(api: Api, endpoint: str) -> None:
    own = {parameter.name for parameter in parameters_of(endpoint)}
    for parameter in PARAMETERS:
        if parameter.name not in own:
            assert ask(api, endpoint, parameter, "1") == (422, parameter.name), parameter.name


def test_each_endpoint_is_documented_with_its_parameters_and_no_other(
    documented: dict[tuple[str, str], dict[str, Any]],
) -> None:
    assert list(documented) == [(path, each.name) for path in ENDPOINTS for each in parameters_of(path)]
    for endpoint in ENDPOINTS:
        names = [parameter.name for parameter in parameters_of(endpoint)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("endpoint", [STATS, FLIGHTS])
def test_the_default_limit_is_the_documented_one(
    api: Api, documented: dict[tuple[str, str], dict[str, Any]], endpoint: str
) -> None:
    default = documented[endpoint, "limit"]["schema"]["default"]
    tags = [api.get(f"{endpoint}{query}").headers["ETag"] for query in ("", f"?limit={default}", "?limit=1")]
    assert tags[0] == tags[1] != tags[2]


def test_every_filter_is_a_group_and_a_field_of_the_question() -> None:
    names = [parameter.name for parameter in FILTERS]
    assert names == [name for name in vars(Filters()) if name != "dates"]
    assert set(names) <= set(GROUPS)
    assert set(names) <= {*COLUMNS, *COMPUTED}


def test_the_highest_snapshot_is_answered_from_its_files(api: Api) -> None:
    assert ask(api, STATS, SNAPSHOT, HIGHEST_SNAPSHOT) == (200, None)
