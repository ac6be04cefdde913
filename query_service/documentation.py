"""What /docs and /openapi.json say: parameters, answers, headers and problems of every path, with examples.

Each constant at the end holds the arguments of one route. Parameters are described here and read in
`question`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

from lakehouse.event import AIRPORT_PATTERN, CARRIER_PATTERN, MAX_FLIGHT_NUMBER, MAX_TAIL_NUMBER_CHARACTERS, STATUSES
from query_service.formats import FORMATS, JSON_MEDIA_TYPE
from query_service.parameters import MAX_VALUES
from query_service.question import (
    FLIGHTS_LIMIT,
    FLIGHTS_LIMIT_MOST,
    GROUPS,
    METRICS,
    STATS_LIMIT,
    STATS_LIMIT_MOST,
    WAIT_MOST_S,
    cursor_of,
)

Json = dict[str, Any]

TITLE: Final = "Flights lakehouse"
VERSION: Final = "1"
DESCRIPTION: Final = (
    "Exact flight statistics, seconds after the event, from nothing but Parquet files on object storage. Every"
    " answer counts each flight once, in its newest state, and says which lake it is about: `Lake-Snapshot` and"
    " `Lake-As-Of`. Errors are problem documents (RFC 9457) that name the parameter. Carrier `ZZ` is reserved for"
    " probes and left out unless it is asked for by name."
)

_PROBLEM_MEDIA_TYPE = "application/problem+json"


def _parameter(name: str, description: str, schema: Json, example: Any, repeatable: bool = False) -> Json:
    wrapped = {"type": "array", "items": schema, "maxItems": MAX_VALUES} if repeatable else schema
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": wrapped,
        "example": example,
    }


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _integer(most: int, default: int | None = None) -> Json:
    bounds: Json = {"type": "integer", "minimum": 1, "maximum": most}
    return bounds if default is None else bounds | {"default": default}


_DATE: Json = {"type": "string", "format": "date"}
_FORMAT = _parameter("format", "Format of the answer; decides over `Accept`.", {"enum": list(FORMATS)}, "json")
_CURSOR_EXAMPLE = cursor_of("2013-01-01-UA-1545-EWR")
_REPEAT = f"Repeat it for alternatives (at most {MAX_VALUES})."
_FILTERS = [
    _parameter("carrier", f"Operating carrier. {_REPEAT}", _text(CARRIER_PATTERN), ["UA", "AA"], True),
    _parameter("origin", f"Airport of departure. {_REPEAT}", _text(AIRPORT_PATTERN), ["EWR"], True),
    _parameter("destination", f"Airport of arrival, as planned. {_REPEAT}", _text(AIRPORT_PATTERN), ["LAX"], True),
    _parameter("flight_number", f"Flight number. {_REPEAT}", _integer(MAX_FLIGHT_NUMBER), [1545], True),
    _parameter(
        "tail_number",
        f"Tail number. {_REPEAT}",
        {"type": "string", "minLength": 1, "maxLength": MAX_TAIL_NUMBER_CHARACTERS},
        ["N14228"],
        True,
    ),
    _parameter(
        "status",
        f"Newest status; `void` flights are in no answer. {_REPEAT}",
        {"enum": list(STATUSES)},
        ["arrived"],
        True,
    ),
    _parameter("date_from", "First flight date, inclusive.", _DATE, "2013-01-01"),
    _parameter("date_to", "Last flight date, inclusive.", _DATE, "2013-01-31"),
]
_STATS_PARAMETERS = [
    *_FILTERS,
    _parameter(
        "group_by",
        "Groups, repeated or separated by commas. Without any: one row.",
        {"type": "array", "items": {"enum": list(GROUPS)}},
        ["carrier", "month"],
    )
    | {"style": "form", "explode": False},
    _parameter(
        "order_by",
        "Result columns separated by commas, `-` in front for descending. Nulls come last both ways; ties are"
        " ordered by the groups.",
        {"type": "string"},
        "-flights,carrier",
    ),
    _parameter(
        "limit",
        "Most rows; `truncated` tells whether there are more.",
        _integer(STATS_LIMIT_MOST, STATS_LIMIT),
        100,
    ),
    _FORMAT,
]
_FLIGHTS_PARAMETERS = [
    *_FILTERS,
    _parameter("limit", "Most flights on a page.", _integer(FLIGHTS_LIMIT_MOST, FLIGHTS_LIMIT), 100),
    _parameter(
        "cursor",
        "`next_cursor` of the page before.",
        {"type": "string"},
        _CURSOR_EXAMPLE,
    ),
    _FORMAT,
]
_FLIGHT_PARAMETERS = [
    _parameter(
        "min_event_time",
        "Answer once the state is of this time or later; `+` of an offset is written `%2B` in a URL.",
        {"type": "string", "format": "date-time"},
        "2013-01-01T10:00:00Z",
    ),
    _parameter(
        "wait_s",
        "How long to wait for that; without it the answer comes at once.",
        {"type": "number", "minimum": 0, "maximum": WAIT_MOST_S},
        10,
    ),
    _FORMAT,
]

# No nulls in examples: the framework leaves them out of the document.
_NUMBERS = dict.fromkeys(METRICS, 1) | {"cancellation_rate": 0.125, "departure_delay_mean": 8.25}
_FLIGHT_EXAMPLE = {
    "flight_id": "2013-01-01-UA-1545-EWR",
    "flight_date": "2013-01-01",
    "carrier": "UA",
    "flight_number": 1545,
    "operational_suffix": "",
    "origin": "EWR",
    "destination": "IAH",
    "diverted_to": "DFW",
    "scheduled_departure": "2013-01-01T10:15:00Z",
    "scheduled_departure_hour": 5,
    "scheduled_arrival": "2013-01-01T13:19:00Z",
    "actual_departure": "2013-01-01T10:17:00Z",
    "actual_arrival": "2013-01-01T13:30:00Z",
    "status": "diverted",
    "departure_delay_minutes": 2,
    "arrival_delay_minutes": 11,
    "air_time_minutes": 227,
    "distance_km": 2253,
    "tail_number": "N14228",
    "event_time": "2013-01-01T13:31:00Z",
    "publish_time": "2013-01-01T13:31:00.250000Z",
}
_FLIGHT_BODY = {
    "data": _FLIGHT_EXAMPLE
    | {
        "source": {
            "file": "flights/flight_month=2013-01/0-00000000000000000000000000000000.parquet",
            "message_id": "1234567890",
            "message_line": 1,
            "absorbed": True,
        }
    }
}
_LAKE_BODY = {
    "snapshot": 42,
    "listed_at": "2026-11-24T12:00:00Z",
    "flights": 336_776,
    "months": [{"month": "2013-01", "rows": 27_004, "bytes": 350_000}],
    "tail": {"files": 3, "rows": 1_200},
    "newest_event_time": "2013-12-31T23:59:00Z",
    "newest_publish_time": "2026-11-24T11:59:57Z",
    "rejected": {"files": 1, "rows": 2, "bytes": 1_514},
    "unreadable": [],
    "foreign": 0,
}

_LAKE_HEADERS: Json = {
    "Lake-Snapshot": {"description": "Number of the snapshot of this answer", "schema": {"type": "integer"}},
    "Lake-As-Of": {
        "description": "When the lake was listed for this answer",
        "schema": {"type": "string", "format": "date-time"},
    },
}
_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "parameter": {"type": "string", "description": "The parameter that is wrong"},
        "got": {"type": "string", "description": "What it was, shortened"},
        "expected": {"type": "string", "description": "What it takes"},
    },
}
_PROBLEMS = {
    404: "There is no such flight, or it was withdrawn",
    406: "Accept allows no format that can be given",
    422: "A parameter is unknown, malformed or contradicts another",
    503: "Too many questions at once, or the lake cannot be read at the moment; see Retry-After",
    504: "The answer was not ready in time, or the flight not as new as asked",
}


def _answer(description: str, example: Json, headers: Json | None = None) -> Json:
    schema = {"type": "object", "properties": {name: {} for name in example}}
    return {
        "description": description,
        "headers": headers or {},
        "content": {JSON_MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _problem(status: int) -> Json:
    return {
        "description": _PROBLEMS[status],
        "content": {_PROBLEM_MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}},
    }


def _route(tag: str, summary: str, answer: Json, problems: tuple[int, ...], parameters: list[Json]) -> Json:
    return {
        "summary": summary,
        "tags": [tag],
        "responses": {200: answer} | {status: _problem(status) for status in problems},
        "openapi_extra": {"parameters": parameters} if parameters else {},
    }


STATS: Final = _route(
    "answers",
    "Flight statistics",
    _answer("Rows", {"data": [{"carrier": "UA"} | _NUMBERS], "truncated": False}, _LAKE_HEADERS),
    (406, 422, 503, 504),
    _STATS_PARAMETERS,
)
_LINK: Json = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}
FLIGHTS: Final = _route(
    "answers",
    "Flights, page by page",
    _answer(
        "A page; `next_cursor` is null on the last one",
        {"data": [_FLIGHT_EXAMPLE], "truncated": True, "next_cursor": _CURSOR_EXAMPLE},
        _LAKE_HEADERS | _LINK,
    ),
    (406, 422, 503, 504),
    _FLIGHTS_PARAMETERS,
)
FLIGHT: Final = _route(
    "answers",
    "One flight",
    _answer("The flight, and where its state came from", _FLIGHT_BODY, _LAKE_HEADERS),
    (404, 406, 422, 503, 504),
    _FLIGHT_PARAMETERS,
)
LAKE: Final = _route(
    "answers", "What the lake holds", _answer("The lake", _LAKE_BODY, _LAKE_HEADERS), (406, 422, 503, 504), []
)
HEALTH: Final = _route("probes", "Liveness", _answer("The process lives", {"status": "ok"}), (), [])
READY: Final = _route("probes", "Readiness", _answer("The lake can be listed", {"status": "ready"}), (503,), [])
