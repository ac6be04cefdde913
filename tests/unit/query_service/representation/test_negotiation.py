"""Format and content coding: what a caller may ask for, and what it then gets."""

from __future__ import annotations

import pytest

from query_service.errors import ProblemError
from query_service.representation.negotiation import (
    CSV,
    IDENTITY,
    Coding,
    _best,
    items,
    negotiate,
    negotiate_coding,
    weight_of,
)
from query_service.representation.negotiation import TABLES as FORMATS
from tests._support.api.in_process import Api
from tests._support.api.problems import problem_at

BROWSER = "gzip, deflate, br, zstd"


TABLES = ("/v1/stats", "/v1/flights")


FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


DOCUMENTS = (FLIGHT, "/v1/lake")
NAMES = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "text/csv; charset=utf-8; header=present": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_json_may_be_asked_for_by_name_where_there_is_nothing_else(api: Api, path: str) -> None:
    asked = api.get(f"{path}?format=json", accept="text/csv")  # format decides over Accept
    assert (asked.status_code, asked.headers["Content-Type"]) == (200, "application/json")
    assert asked.json().keys() == api.json(path).keys()
    for query, got in (("format=csv", "csv"), ("format=JSON", "JSON"), ("format=json&format=json", "json, json")):
        document = problem_at(api, f"{path}?{query}")
        assert (document["parameter"], document["got"], document["expected"]) == ("format", got, "one of json")
    assert problem_at(api, f"{path}?format=")["parameter"] == "format"


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        *(("application/json", "json"), ("*/*", "json"), ("application/*", "json"), ("", "json"), (" , ", "json")),
        *(("APPLICATION/JSON; charset=utf-8", "json"), ("text/html, application/json;q=0.5", "json")),
        *(("text/csv", "csv"), ("text/*", "csv"), ("text/csv;header=present", "csv"), ("Text/CSV ; Q=0.1", "csv")),
        *(("text/csv, */*;q=0.1", "csv"), ("*/*, text/csv", "csv"), ("text/csv;q=0.5, application/json", "json")),
        *(("text/csv;q=0.5, application/json;q=0.499", "csv"), ("text/csv, application/json", "json")),
        *(("application/x-ndjson", "ndjson"), ("application/vnd.apache.arrow.stream", "arrow")),
        *(("application/vnd.apache.parquet", "parquet"), ("application/json;q=0, application/*", "ndjson")),
        *(("*/*, application/json;q=0", "ndjson"), ("text/html,application/xhtml+xml,*/*;q=0.8", "json")),
        ("application/json;q=0.001, application/vnd.apache.parquet;q=0.002", "parquet"),
    ],
)
@pytest.mark.parametrize("path", TABLES)
def test_accept_chooses_the_format_that_it_weighs_most(api: Api, path: str, accept: str, format: str) -> None:
    answer = api.get(path, accept=accept)
    assert answer.status_code == 200
    assert NAMES[answer.headers["Content-Type"]] == format
    assert f'filename="{path[4:]}.{format}"' in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/csv, */*;q=0.1", ""])
@pytest.mark.parametrize("path", DOCUMENTS)
def test_accept_that_allows_json_is_taken_where_there_is_nothing_else(api: Api, path: str, accept: str) -> None:
    assert api.get(path, accept=accept).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *((path, "application/json;q=0") for path in (*TABLES, *DOCUMENTS)),
        *((path, "application/xml") for path in (*TABLES, *DOCUMENTS)),
        *((path, "application/json;q=x") for path in (*TABLES, *DOCUMENTS)),
        *((path, "application/json;q=1.5") for path in TABLES),
        *((path, "*/*;q=0.0") for path in TABLES),
        *((path, "text/csv;header=absent") for path in TABLES),
        *((path, "text/csv;charset=iso-8859-1") for path in TABLES),
        *((path, "text/csv") for path in DOCUMENTS),
        *((path, "*/*, application/json;q=0") for path in DOCUMENTS),
    ],
)
def test_accept_that_allows_nothing_that_is_offered_is_refused(api: Api, path: str, accept: str) -> None:
    answer = api.get(path, accept=accept)
    assert (answer.status_code, answer.json()["parameter"]) == (406, "Accept")
    assert "application/json" in answer.json()["expected"]


@pytest.mark.parametrize("name", NAMES.values())
@pytest.mark.parametrize("path", TABLES)
def test_format_decides_over_accept(api: Api, path: str, name: str) -> None:
    for accept in ("application/xml", "text/csv", "application/json"):
        answer = api.get(f"{path}?format={name}", accept=accept)
        assert NAMES[answer.headers["Content-Type"]] == name


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        *((None, IDENTITY), ("", IDENTITY), ("br", IDENTITY), ("deflate, br", IDENTITY), ("identity", IDENTITY)),
        *(("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("gzip, deflate, br", "gzip"), ("zstd", "zstd")),
        *((BROWSER, "zstd"), ("gzip;q=1, zstd;q=0.9", "gzip"), ("gzip;q=0.2,zstd;q=0.3", "zstd")),
        *(("gzip;q=0", IDENTITY), ("zstd;q=0, gzip;q=0.001", "gzip"), ("identity;q=0.5, gzip;q=0.4", IDENTITY)),
        *(("*", "zstd"), ("*;q=0.5, zstd;q=0", "gzip"), ("gzip, *;q=0", "gzip"), ("gzip;q=x", IDENTITY)),
        *(("br;q=nan, *;q=x", IDENTITY), ("identity;q=x, gzip;q=0", IDENTITY), (" , ", IDENTITY)),
    ],
)
def test_the_coding_that_is_weighed_most_is_chosen(header: str | None, coding: str) -> None:
    assert negotiate_coding(header).name == coding


@pytest.mark.parametrize("header", ["identity;q=0, gzip", "*;q=0, gzip", "gzip, identity;q=0.0"])
def test_a_caller_may_insist_on_a_coding(header: str) -> None:
    assert negotiate_coding(header) == Coding("gzip", is_required=True)


@pytest.mark.parametrize("header", ["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, *;q=0"])
def test_a_caller_that_takes_nothing_is_told(api: Api, header: str) -> None:
    with pytest.raises(ProblemError):
        negotiate_coding(header)
    answer = api.get("/v1/stats", **{"accept-encoding": header})
    assert (answer.status_code, answer.json()["parameter"]) == (406, "Accept-Encoding")


@pytest.mark.parametrize(
    ("accept", "weight"),
    [
        ("text/csv;q=0.5", (0.5, 2)),
        ("text/*;q=0.5, */*", (0.5, 1)),  # the most precise range decides, not the largest weight
        ("*/*;q=0.1", (0.1, 0)),
        ("text/csv;q=0.1, text/csv;header=present", (1.0, 2)),
        ("text/csv;header=absent", (0.0, 0)),
        ("image/png", (0.0, 0)),
    ],
)
def test_a_media_type_is_wanted_as_the_most_precise_range_says(accept: str, weight: tuple[float, int]) -> None:
    assert weight_of(CSV.media_type, items(accept)) == weight


@pytest.mark.parametrize(
    ("size", "is_packed", "is_required", "coding"),
    [
        (1399, False, False, None),  # fits into one packet
        (1400, False, False, "gzip"),
        (1_000_000, True, False, None),  # compressed in itself
        (1, True, True, "gzip"),
    ],
)
def test_a_body_is_compressed_when_that_is_worth_it_or_insisted_on(
    size: int, is_packed: bool, is_required: bool, coding: str | None
) -> None:
    assert Coding("gzip", is_required).for_body(size, is_packed) == coding


def test_a_header_longer_than_usual_is_read_and_not_remembered() -> None:
    padding = ", ".join(f"x{number}/y" for number in range(100))
    before = _best.cache_info().currsize
    assert negotiate([], f"{padding}, text/csv", FORMATS) == CSV
    assert _best.cache_info().currsize == before
