"""Every rule for parameters: what is refused names the parameter, what it got and what it takes."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import pytest

from lakehouse.store.memory import MemoryStore
from query_service.api.parameters import FILTERS
from query_service.api.query_string import ParsedQueryCache
from query_service.api.requests import stats_request
from query_service.errors import ProblemError
from query_service.queries.model import cursor_of
from tests._support.api.in_process import Api, serving
from tests._support.api.problems import problem_at
from tests._support.api.query_strings import pairs

FLIGHT = "/v1/flights/2013-01-01-UA-1545-EWR"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *(("colour=red", "colour"), ("Carrier=UA", "Carrier"), ("=UA", "")),
        *(("snapshot=0", "snapshot"), ("snapshot=-1", "snapshot"), ("snapshot=latest", "snapshot")),
        *(("snapshot=1&snapshot=1", "snapshot"), ("snapshot=1000000000", "snapshot"), ("snapshot=", "snapshot")),
        *(("carrier=", "carrier"), ("limit=", "limit"), ("date_from=", "date_from"), ("group_by=", "group_by")),
        *(("carrier=%C3%9Fa", "carrier"), ("carrier=U", "carrier"), ("carrier=UAUA", "carrier")),
        *(("carrier=UA,,AA", "carrier"), ("carrier=%20UA", "carrier"), ("carrier=UA%0A", "carrier")),
        *(("carrier=%EF%BC%B5A", "carrier"), ("carrier=UA&carrier=x", "carrier"), ("carrier=%ff%fe", "carrier")),
        *(("origin=%C5%BFfo", "origin"), ("origin=EW", "origin"), ("origin=KEWRX", "origin")),
        *(("destination=la", "destination"), ("destination=L%00X", "destination")),
        *(("flight_number=0", "flight_number"), ("flight_number=10000", "flight_number")),
        *(("flight_number=%2B1", "flight_number"), ("flight_number=-1", "flight_number")),
        *(("flight_number=01", "flight_number"), ("flight_number=1.0", "flight_number")),
        *(("flight_number=%D9%A1", "flight_number"), ("flight_number=1_0", "flight_number")),
        ("tail_number=12345678901", "tail_number"),
        *(("status=Arrived", "status"), ("status=late", "status"), ("status=arrived,late", "status")),
        *(("date_from=2013-1-1", "date_from"), ("date_from=20130101", "date_from")),
        *(("date_from=2013-02-29", "date_from"), ("date_from=2013-W01-1", "date_from")),
        *(("date_from=1979-12-31", "date_from"), ("date_to=2101-01-01", "date_to")),
        *(("date_to=2013-01-01T00:00:00Z", "date_to"), ("date_to=yesterday", "date_to")),
        *(("date_from=2013-01-02&date_to=2013-01-01", "date_from"), ("date_from=%D9%A2013-01-01", "date_from")),
        *(("date_from=2013-01-01&date_from=2013-01-01", "date_from"), ("limit=1&limit=2", "limit")),
        *(("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1e3", "limit"), ("limit=01", "limit")),
        *(("limit=99999999999999999999", "limit"), ("limit=ten", "limit")),
        *(("format=xml", "format"), ("format=json&format=json", "format"), ("format=CSV", "format")),
    ],
)
@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights"])
def test_wrong_parameter_is_named(api: Api, path: str, query: str, parameter: str) -> None:
    document = problem_at(api, f"{path}?{query}" if "group_by" not in query else f"/v1/stats?{query}")
    assert document["parameter"] == parameter
    assert document["expected"]
    assert "got" in document


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        *(("stats", "limit=10001", "limit"), ("flights", "limit=1001", "limit")),
        *(("stats", "cursor=abc", "cursor"), ("flights", "group_by=carrier", "group_by")),
        *(("flights", "order_by=carrier", "order_by"), ("stats", "group_by=Carrier", "group_by")),
        *(("stats", "group_by=diverted_to", "group_by"), ("stats", "group_by=carrier,carrier", "group_by")),
        *(("stats", "group_by=carrier&group_by=carrier", "group_by"), ("stats", "group_by=carrier,", "group_by")),
        *(("stats", "group_by=carrier,,origin", "group_by"), ("stats", "group_by=carrier,%20origin", "group_by")),
        *(("stats", "order_by=carrier", "order_by"), ("stats", "group_by=origin&order_by=carrier", "order_by")),
        *(("stats", "order_by=flights,-flights", "order_by"), ("stats", "order_by=--flights", "order_by")),
        *(("stats", "order_by=-", "order_by"), ("stats", "order_by=%2Bflights", "order_by")),
        *(("stats", "order_by=flights&order_by=arrived", "order_by"), ("stats", "order_by=flights,", "order_by")),
        *(("stats", "order_by=flights%20desc", "order_by"), ("stats", "order_by=1", "order_by")),
    ],
)
def test_parameter_of_one_path_only_is_named(api: Api, path: str, query: str, parameter: str) -> None:
    assert problem_at(api, f"/v1/{path}?{query}")["parameter"] == parameter


@pytest.mark.parametrize(
    "cursor",
    [
        *("!", "abc", "é", "A" * 1000, cursor_of("2013-01-01-UA-1545-EWR") + "=", cursor_of("nonsense")),
        *(
            cursor_of("2013-02-30-UA-1-EWR"),
            cursor_of("2013-01-01-UA-01-EWR"),
            cursor_of("2013-01-01-UA-1545-EWR")[:-1],
        ),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(api: Api, cursor: str) -> None:
    assert problem_at(api, f"/v1/flights?cursor={quote(cursor)}")["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *(("min_event_time=2013-01-01", "min_event_time"), ("min_event_time=now", "min_event_time")),
        *(("min_event_time=2013-01-01T10:00:00", "min_event_time"), ("min_event_time=1e9", "min_event_time")),
        *(("min_event_time=2013-01-01T10:00:00+02:00", "min_event_time"),),  # the + is a space by now
        *(("min_event_time=2013-01-01T25:00:00Z", "min_event_time"), ("wait_s=1", "wait_s")),
        *(("min_event_time=0001-01-01T00:00:00%2B14:00", "min_event_time"),),
        *(("min_event_time=2013-01-01T10:00:00Z&wait_s=31", "wait_s"), ("wait_s=-1", "wait_s")),
        *(("min_event_time=2013-01-01T10:00:00Z&wait_s=nan", "wait_s"), ("wait_s=", "wait_s")),
        *(("min_event_time=2013-01-01T10:00:00Z&snapshot=1", "snapshot"), ("format=csv", "format")),
        *(("min_event_time=2013-01-01T10:00:00Z&wait_s=1&wait_s=1", "wait_s"), ("carrier=UA", "carrier")),
    ],
)
def test_wrong_parameter_of_one_flight_is_named(api: Api, query: str, parameter: str) -> None:
    assert problem_at(api, f"{FLIGHT}?{query}")["parameter"] == parameter


@pytest.mark.parametrize(
    "flight_id",
    [
        *("abc", "2013-01-01-UA-1545", "2013-01-01-u%C3%9F-1545-EWR", "2013-02-30-UA-1545-EWR", "2013-01-01-UA-0-EWR"),
        *(
            "2013-01-01-UA-01545-EWR",
            "2013-01-01-UA-1545%C3%9F-EWR",
            "2013-01-01-UA-1545AB-EWR",
            "2013-01-01-UA-1545-EWR%0A",
        ),
    ],
)
def test_malformed_flight_id_is_named(api: Api, flight_id: str) -> None:
    assert problem_at(api, f"/v1/flights/{flight_id}")["parameter"] == "flight_id"


@pytest.mark.parametrize(
    "query",
    [
        *("", "carrier=UA&carrier=AA", "carrier=UA&carrier=UA", "flight_number=9999", "tail_number=N1", "status=void"),
        *("tail_number=%00", "tail_number=%27%3B--", "tail_number=%C3%A9%E2%98%83", "date_from=1980-01-01"),
        *("date_to=2100-12-31", "date_from=2013-01-01&date_to=2013-01-01", "format=json", "limit=1000"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/stats", "/v1/flights"])
def test_right_parameters_are_taken(api: Api, path: str, query: str) -> None:
    assert api.get(f"{path}?{query}").status_code == 200


def test_a_hundred_values_of_one_filter_are_taken_and_not_more(api: Api) -> None:
    hundred = [f"flight_number={n}" for n in range(1, 101)]
    assert api.get("/v1/stats?" + "&".join(hundred)).status_code == 200
    document = problem_at(api, "/v1/stats?" + "&".join([*hundred, "flight_number=101"]))
    assert (document["parameter"], document["got"]) == ("flight_number", "101 values")


def test_how_many_values_a_filter_takes_is_a_setting() -> None:
    with serving(MemoryStore(), filter_max_values=2) as api:
        assert api.get("/v1/flights?carrier=UA&carrier=AA").status_code == 200
        for path in ("/v1/stats", "/v1/flights"):
            document = problem_at(api, f"{path}?carrier=UA&carrier=AA&carrier=DL")
            assert (document["got"], document["expected"]) == ("3 values", "at most 2 values")
            parameters = api.json("/openapi.json")["paths"][path]["get"]["parameters"]
            assert [p["schema"]["maxItems"] for p in parameters if "maxItems" in p["schema"]] == [2] * len(FILTERS)


@pytest.mark.parametrize(
    ("url", "got"),
    [
        ("/v1/stats?group_by=carrier&order_by=carrier,-carrier", "carrier,-carrier"),
        ("/v1/stats?order_by=flights,-Flights", "-Flights"),
        ("/v1/stats?group_by=month,month", "month,month"),
        ("/v1/stats?limit=1&limit=2", "1, 2"),
        *((f"{FLIGHT}?wait_s=1", "1"), (f"{FLIGHT}?wait_s=1.50", "1.50"), (f"{FLIGHT}?wait_s=1e0", "1e0")),
        ("/v1/flights?date_from=2013-01-02&date_to=2013-01-01", "2013-01-02"),
    ],
)
def test_what_was_sent_is_shown_as_it_was_sent(api: Api, url: str, got: str) -> None:
    assert problem_at(api, url)["got"] == got


@pytest.mark.parametrize("query", ["tail_number=%FF", "tail_number=N1&tail_number=%ED%A0%80", "tail_number=%C3"])
def test_a_value_that_is_no_utf8_is_refused_and_not_replaced(api: Api, query: str) -> None:
    assert problem_at(api, f"/v1/stats?{query}")["expected"] == "UTF-8, percent-encoded"
    assert problem_at(api, "/v1/stats?%FF=1")["parameter"] == "\ufffd"


def test_what_a_caller_sent_is_shortened(api: Api) -> None:
    document = problem_at(api, f"/v1/stats?{'n' * 500}={'v' * 5000}")
    assert len(document["parameter"]) == len(document["got"]) == 60
    assert len(document["detail"]) < 500


def test_the_lake_takes_no_parameter_but_the_format(api: Api) -> None:
    document = problem_at(api, "/v1/lake?months=3")
    assert (document["parameter"], document["expected"]) == ("months", "one of format")


def test_a_short_query_string_is_read_once_and_a_long_one_is_not_kept() -> None:
    queries = ParsedQueryCache(partial(stats_request, max_values=150))
    short, long = b"carrier=ua&group_by=origin", b"carrier=" + b",".join([b"UA"] * 150)
    for query in (short, long):
        sent, asked = queries.read(query)
        assert list(sent) == pairs(query.decode())
        assert asked == stats_request(sent, 150)
        assert (queries.read(query)[1] is asked) == (query == short)


def test_a_query_string_that_is_refused_is_refused_each_time() -> None:
    queries = ParsedQueryCache(partial(stats_request, max_values=1))
    for _ in range(2):
        with pytest.raises(ProblemError, match="limit is '0'"):
            queries.read(b"limit=0")
