"""What /docs and /openapi.json say: parameters, answers, headers and problems of every path, with examples.

Each constant at the end holds the arguments of one route. Parameters are described here and read in
`question`; tests hold the two together. What a schema allows is accepted, up to rules between parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from lakehouse.event import AIRPORT_PATTERN, CARRIER_PATTERN, MAX_FLIGHT_NUMBER, MAX_TAIL_NUMBER_CHARACTERS, STATUSES
from query_service import schemas
from query_service.formats import FORMATS, JSON_MEDIA_TYPE
from query_service.parameters import DATE_PATTERN, TIME_PATTERN
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
    wrapped = {"type": "array", "items": schema, "minItems": 1} if repeatable else schema
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


_DATE: Json = {"type": "string", "format": "date", "pattern": f"^{DATE_PATTERN}$"}
_ORDER_COLUMN = f"-?({'|'.join((*GROUPS, *METRICS))})"
_FORMAT = _parameter(
    "format", "Format of the answer; decides over `Accept`.", {"type": "string", "enum": list(FORMATS)}, "json"
)
_CURSOR_EXAMPLE = cursor_of("2013-01-01-UA-1545-EWR")
_REPEAT = "Repeat it for alternatives."
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
        {"type": "string", "enum": list(STATUSES)},
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
        {"type": "array", "items": {"type": "string", "enum": list(GROUPS)}, "minItems": 1, "uniqueItems": True},
        ["carrier", "month"],
    )
    | {"style": "form", "explode": False},
    _parameter(
        "order_by",
        "Columns of this result separated by commas, each once, `-` in front for descending. Nulls come last both"
        " ways; ties are ordered by the groups.",
        {"type": "string", "pattern": f"^{_ORDER_COLUMN}(,{_ORDER_COLUMN})*$"},
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
        {"type": "string", "pattern": schemas.CURSOR_PATTERN},
        _CURSOR_EXAMPLE,
    ),
    _FORMAT,
]
_FLIGHT_PARAMETERS = [
    _parameter(
        "min_event_time",
        "Answer once the state is of this time or later; `+` of an offset is written `%2B` in a URL.",
        {"type": "string", "format": "date-time", "pattern": f"^{TIME_PATTERN}$"},
        "2013-01-01T10:00:00Z",
    ),
    _parameter(
        "wait_s",
        "How long to wait for that `min_event_time`; without it the answer comes at once.",
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
    "Lake-Snapshot": {
        "description": "Number of the snapshot of this answer",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Lake-As-Of": {
        "description": "When the lake was listed for this answer",
        "required": True,
        "schema": {"type": "string", "format": "date-time"},
    },
}
_PROBLEMS = {
    404: "There is no such flight, or it was withdrawn",
    406: "Accept allows no format that can be given",
    422: "A parameter is unknown, malformed or contradicts another",
    503: "Too many questions at once, or the lake cannot be read at the moment; see Retry-After",
    504: "The answer was not ready in time, or the flight not as new as asked",
}


def _answer(description: str, schema: Json, example: Json, headers: Json | None = None) -> Json:
    return {
        "description": description,
        "headers": headers or {},
        "content": {JSON_MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _problem(status: int) -> Json:
    return {
        "description": _PROBLEMS[status],
        "content": {_PROBLEM_MEDIA_TYPE: {"schema": schemas.problem(status)}},
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
    _answer("Rows", schemas.STATS, {"data": [{"carrier": "UA"} | _NUMBERS], "truncated": False}, _LAKE_HEADERS),
    (406, 422, 503, 504),
    _STATS_PARAMETERS,
)
_LINK: Json = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}
FLIGHTS: Final = _route(
    "answers",
    "Flights, page by page",
    _answer(
        "A page; `next_cursor` is null on the last one",
        schemas.FLIGHTS,
        {"data": [_FLIGHT_EXAMPLE], "truncated": True, "next_cursor": _CURSOR_EXAMPLE},
        _LAKE_HEADERS | _LINK,
    ),
    (406, 422, 503, 504),
    _FLIGHTS_PARAMETERS,
)
FLIGHT: Final = _route(
    "answers",
    "One flight",
    _answer("The flight, and where its state came from", schemas.FLIGHT, _FLIGHT_BODY, _LAKE_HEADERS),
    (404, 406, 422, 503, 504),
    _FLIGHT_PARAMETERS,
)
LAKE: Final = _route(
    "answers",
    "What the lake holds",
    _answer("The lake", schemas.LAKE, _LAKE_BODY, _LAKE_HEADERS),
    (406, 422, 503, 504),
    [],
)
HEALTH: Final = _route(
    "probes", "Liveness", _answer("The process lives", schemas.status("ok"), {"status": "ok"}), (), []
)
READY: Final = _route(
    "probes", "Readiness", _answer("The lake can be listed", schemas.status("ready"), {"status": "ready"}), (503,), []
)


def document(routes: Sequence[BaseRoute], filter_max_values: int) -> Json:
    """The OpenAPI document of `routes`, with the limit that is a setting."""
    whole: Json = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=routes)
    for methods in whole["paths"].values():
        for parameter in methods["get"].get("parameters", []):
            if parameter["schema"].get("type") == "array" and parameter["name"] != "group_by":
                parameter["schema"]["maxItems"] = filter_max_values
    whole.get("components", {}).pop("schemas", None)  # of the framework's own 422, which is never sent
    return whole
