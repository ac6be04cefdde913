"""The OpenAPI document: parameters, answers, headers, problems and examples of every path.

Each constant at the end holds the arguments of one route. Parameters come from `parameters.py`,
as in the parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from query_service.api import parameters
from query_service.api.openapi import examples, schemas
from query_service.api.openapi.columns import ON_TIME
from query_service.api.parameters import parameters_of
from query_service.api.query_string import Parameter
from query_service.representation.negotiation import JSON

Json = dict[str, Any]

TITLE: Final = "Flights lakehouse"
VERSION: Final = "1"
DESCRIPTION: Final = (
    "Exact flight statistics, seconds after the event, from nothing but Parquet files on object storage. Every"
    " answer counts each flight once, in its newest state, and says which lake it is about: `Lake-Snapshot` and"
    " `Lake-As-Of`. Errors are problem documents (RFC 9457) that name the parameter. Carrier `ZZ` is reserved for"
    " probes and left out unless it is asked for by name. HEAD is answered like GET, without the body.\n\n"
    f"A flight is on time when it leaves, or arrives, {ON_TIME}. Delays are in minutes, and early is negative; rates"
    " count only flights whose delay is known.\n\n"
    "Statistics and flights come in five formats with the same values, compressed if `Accept-Encoding` allows it. In"
    ' CSV null is an empty field and an empty text is `""`; times are timestamps in UTC in Arrow and Parquet, and'
    " RFC 3339 text elsewhere.\n\n"
    "Answers have an `ETag`. Send it back as `If-None-Match`: as long as nothing that the answer depends on has"
    " changed, 304 comes back before any query runs. `Range` gets a part of an answer, `If-Range` only one of the"
    " answer with that tag, and `If-Match` refuses any other answer. `snapshot=N` asks an old state of the lake,"
    " whose answers never change."
)

_PROBLEM_MEDIA_TYPE = "application/problem+json"


def _parameters(endpoint: str) -> list[Json]:
    return [_parameter(parameter) for parameter in parameters_of(endpoint)]


def _parameter(parameter: Parameter[Any]) -> Json:
    described: Json = {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.description,
        "schema": _schema(parameter),
        "example": parameter.example,
    }
    if parameter.is_repeatable and parameter.is_comma_separated:
        described |= {"style": "form", "explode": False}
    return described


def _schema(parameter: Parameter[Any]) -> Json:
    one = parameter.type.schema
    if parameter.is_repeatable:
        several = {"type": "array", "items": one, "minItems": 1}
        return several | {"uniqueItems": True} if parameter.is_unique else several
    if parameter.is_comma_separated:
        item = one["pattern"].removeprefix("^").removesuffix("$")
        return one | {"pattern": f"^{item}(,{item})*$"}
    return one if parameter.default is None else one | {"default": parameter.default}


_REQUEST_ID: Final[Json] = {
    "X-Request-Id": {
        "description": "The id of this request, which its log lines have: that of the trace, where `traceparent` or"
        " `X-Cloud-Trace-Context` names one",
        "required": True,
        "schema": schemas.REQUEST_ID,
    }
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
    "Cache-Control": {"required": True, "description": "With `snapshot=` for ever", "schema": {"type": "string"}},
    "Vary": {"required": True, "description": "Always `Accept, Accept-Encoding`", "schema": {"type": "string"}},
}
_TAGGED_HEADERS: Json = _LAKE_HEADERS | {
    "ETag": {
        "required": True,
        "description": "Strong; changes when the answer does, for other reasons too",
        "schema": {"type": "string"},
    },
}
_ACCEPT_RANGES: Json = {
    "Accept-Ranges": {"description": "Always `bytes`", "required": True, "schema": {"type": "string"}}
}
_CONTENT_RANGE: Json = {
    "Content-Range": {"description": "Which bytes these are, of how many", "schema": {"type": "string"}}
}
_TABLE_HEADERS: Json = _TAGGED_HEADERS | {
    "Truncated": {
        "description": "In other formats than JSON: whether there are more rows",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "Content-Disposition": {"description": "A file name, like stats.csv", "schema": {"type": "string"}},
    "Content-Encoding": {"description": "When compressed", "schema": {"type": "string", "enum": ["zstd", "gzip"]}},
}
_PROBLEMS = {
    400: "The query string has more parameters than there can be, or there is not one right Host",
    401: "An API key is needed, in the header X-API-Key or as Authorization: Bearer",
    404: "There is no such flight, or it was withdrawn; or there is no such snapshot yet",
    406: "Accept or Accept-Encoding allows nothing that can be given",
    410: "The snapshot is not retained any more",
    412: "The answer has changed: If-Match names another tag, or a range goes on with an answer that is not kept",
    414: "Path and query string are too long",
    416: "The answer ends before the range begins; Content-Range says where",
    422: "A parameter is unknown, malformed or contradicts another",
    429: "More requests than the rate of this key allows, or more that wait than one caller may have; see Retry-After",
    431: "Too many headers, or too many items in one",
    503: "Too many questions at once, or the lake cannot be read at the moment; see Retry-After",
    504: "The answer was not ready in time, or the flight not as new as asked",
}

_HEAD_PROBLEMS: Final = (400, 414, 431)
"""Of the head of a request, whatever it asks for."""
_TABLE_PROBLEMS: Final = (*_HEAD_PROBLEMS, 404, 406, 410, 422, 503, 504)
"""Of /v1/stats and /v1/flights."""


def _answer(description: str, path: str, schema: str, headers: Json | None = None) -> Json:
    """`schema` is the name of the body's."""
    example = examples.EXAMPLES[path]
    others = example.other_formats() if headers is not None and "Truncated" in headers else {}
    return {
        "description": f"{description}. The example answers `GET {example.request}`.",
        "headers": headers or {},
        "content": {JSON.media_type: {"schema": schemas.reference(schema)}} | others,
    }


def _problem(status: int) -> Json:
    return {
        "description": _PROBLEMS[status],
        "content": {_PROBLEM_MEDIA_TYPE: {"schema": schemas.reference("Problem")}},
    }


def _unchanged(headers: Json) -> Json:
    return {"description": "The caller has this answer already: If-None-Match names its tag", "headers": headers}


def _tagged(operation: str, summary: str, answer: Json, problems: tuple[int, ...], parameters: list[Json]) -> Json:
    """A route whose answers have tags."""
    answer = answer | {"headers": answer["headers"] | _ACCEPT_RANGES}
    problems = tuple(sorted((*problems, 412, 416)))
    parameters = [*parameters, _IF_NONE_MATCH, _RANGE, _IF_RANGE]
    route = _route("answers", operation, summary, answer, problems, parameters)
    part = {"description": "A part of the answer, with the headers of the whole one besides"}
    tagged = {name: header for name, header in _TAGGED_HEADERS.items() if name in answer["headers"]}
    route["responses"][206] = part | {"headers": tagged | _ACCEPT_RANGES | _CONTENT_RANGE}
    route["responses"][304] = _unchanged(tagged)
    return route


def _reference(operation: str, summary: str, path: str) -> Json:
    """A route whose answer is about no lake."""
    headers = {name: described for name, described in _TABLE_HEADERS.items() if not name.startswith("Lake-")}
    problems = (*_HEAD_PROBLEMS, 406, 422, 503)
    answer = _answer("All of them; the example has one", path, summary, headers)
    return _tagged(operation, summary, answer, problems, _parameters(path))


def _request_header(name: str, description: str, example: str) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


_TAG_EXAMPLE: Final = '"0123456789abcdef0123456789abcdef"'
_IF_NONE_MATCH: Final = _request_header(
    "If-None-Match", "Tags of answers that the caller has, or `*`: if the answer is one of them, 304.", _TAG_EXAMPLE
)
_RANGE: Final = _request_header(
    "Range", "One range of the bytes that would be sent: 206. Others are ignored.", "bytes=0-99"
)
_IF_RANGE: Final = _request_header(
    "If-Range", "The tag of the answer that the range is of: if it is another one now, it comes whole.", _TAG_EXAMPLE
)


def _route(
    tag: str, operation: str, summary: str, answer: Json, problems: tuple[int, ...], parameters: list[Json]
) -> Json:
    return {
        "operation_id": operation,
        "summary": summary,
        "tags": [tag],
        "responses": {200: answer} | {status: _problem(status) for status in problems},
        "openapi_extra": {"parameters": parameters} if parameters else {},
    }


STATS: Final = _tagged(
    "getStats",
    "Flight statistics",
    _answer("Rows", parameters.STATS, "Stats", _TABLE_HEADERS),
    _TABLE_PROBLEMS,
    _parameters(parameters.STATS),
)
_LINK: Json = {"Link": {"description": 'The next page, rel="next"', "schema": {"type": "string"}}}
FLIGHTS: Final = _tagged(
    "getFlights",
    "Flights, page by page",
    _answer("A page; `next_cursor` is null on the last one", parameters.FLIGHTS, "FlightPage", _TABLE_HEADERS | _LINK),
    _TABLE_PROBLEMS,
    _parameters(parameters.FLIGHTS),
)
FLIGHT: Final = _tagged(
    "getFlight",
    "One flight",
    _answer("The flight, and where its state came from", parameters.FLIGHT, "FlightState", _TAGGED_HEADERS),
    (*_TABLE_PROBLEMS, 429),
    _parameters(parameters.FLIGHT),
)
EVENTS: Final = _tagged(
    "getFlightEvents",
    "The events of one flight",
    _answer(
        "Every event that is still there, newest first: the month file has the newest that was merged, landed files"
        " those since. Withdrawn states are among them",
        parameters.EVENTS,
        "FlightEvents",
        _TABLE_HEADERS,
    ),
    _TABLE_PROBLEMS,
    _parameters(parameters.EVENTS),
)
LAKE: Final = _route(
    "answers",
    "getLake",
    "What the lake holds",
    _answer("The lake", parameters.LAKE, "Lake", _LAKE_HEADERS),
    (*_HEAD_PROBLEMS, 406, 422, 503, 504),
    _parameters(parameters.LAKE),
)
AIRPORTS: Final = _reference("getAirports", "Airports", parameters.AIRPORTS)
CARRIERS: Final = _reference("getCarriers", "Carriers", parameters.CARRIERS)
HEALTH: Final = _route("probes", "getHealth", "Liveness", _answer("The process lives", "/health", "Health"), (), [])
READY: Final = _route(
    "probes", "getReady", "Readiness", _answer("The lake can be listed", "/ready", "Readiness"), (503,), []
)


def document(routes: Sequence[BaseRoute], filter_max_values: int) -> Json:
    """The OpenAPI document of `routes`, with the limit that is a setting."""
    whole: Json = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=routes)
    for path, methods in whole["paths"].items():
        # Here, not where routes are described: the framework leaves nulls out.
        methods["get"]["responses"]["200"]["content"][JSON.media_type]["example"] = examples.EXAMPLES[path].body
        limited = {one.name for one in parameters_of(path) if one.max_values_setting is not None}
        for parameter in methods["get"].get("parameters", []):
            if parameter["name"] in limited:
                parameter["schema"]["maxItems"] = filter_max_values
        for response in methods["get"]["responses"].values():
            response["headers"] = response.get("headers", {}) | _REQUEST_ID
    # In place of those of the framework's own 422, which is never sent.
    return whole | {"servers": [{"url": "/"}], "components": {"schemas": schemas.COMPONENTS}}


def with_keys(document: Json) -> Json:
    """The OpenAPI `document` of a service with API keys: paths under /v1/ need one."""
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    paths = {path: _with_key(item) if path.startswith("/v1/") else item for path, item in document["paths"].items()}
    components = document.get("components", {}) | {"securitySchemes": schemes}
    return document | {"paths": paths, "components": components}


def below(document: Json, prefix: str) -> Json:
    """The OpenAPI `document` of a service that is mounted below a path prefix."""
    return document | {"servers": [{"url": prefix}]}


def _with_key(item: Json) -> Json:
    problems = {str(status): _problem(status) for status in (401, 429)}
    return {
        method: operation | {"security": [{"key": []}, {"bearer": []}], "responses": operation["responses"] | problems}
        for method, operation in item.items()
    }
