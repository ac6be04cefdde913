"""JSON Schemas of answers and problem documents, by name. They are exact: only problems may have other members."""

from __future__ import annotations

from typing import Any, Final

from query_service.api.openapi import columns
from query_service.api.openapi.columns import COUNT, MOMENT, MONTH, described, or_null
from query_service.errors import PROBLEMS_PAGE
from query_service.queries.model import (
    CURSOR_PATTERN,
    EVENTS_MOST,
    FLIGHT_COLUMNS,
    FLIGHTS_LIMIT_MOST,
    GROUPS,
    STATS_LIMIT_MOST,
)

Json = dict[str, Any]

_BYTES: Json = COUNT | {"x-unit": "bytes"}
_TRUNCATED: Json = {"type": "boolean", "description": "Whether there are more rows than these."}


def reference(name: str) -> Json:
    """Stands for the schema of that name."""
    assert name in COMPONENTS, name
    return _of(name)


def _of(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(description: str, properties: Json, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    closed = {"required": required, "additionalProperties": False}
    return {"type": "object", "description": description, "properties": properties} | closed


def _rows(name: str, most: int) -> Json:
    return {"type": "array", "maxItems": most, "items": _of(name)}


REQUEST_ID: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{16}([0-9a-f]{16})?$"}
"""16 digits of our own, or the 32 of a trace."""


def _problem() -> Json:
    properties: Json = {
        "type": {"type": "string", "format": "uri-reference", "pattern": f"^[^#]*{PROBLEMS_PAGE}#[a-z-]+$"},
        "title": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The status of the answer."},
        "detail": {"type": "string", "minLength": 1},
        "parameter": {"type": "string", "maxLength": 60, "description": "The parameter that is wrong"},
        "got": {"type": "string", "maxLength": 60, "description": "What it was, shortened"},
        "expected": {"type": "string", "description": "What it takes"},
        "request_id": REQUEST_ID | {"description": "That of the header X-Request-Id"},
    }
    described = _object("A problem document (RFC 9457).", properties, ("parameter", "got", "expected"))
    return {name: member for name, member in described.items() if name != "additionalProperties"}


_STATS: Json = {
    "Stats": _object(
        "Statistics: a row for each group, or one without groups.",
        {"data": _rows("StatsRow", STATS_LIMIT_MOST), "truncated": _TRUNCATED},
    ),
    "StatsRow": _object(
        "One group: the columns that it is grouped by, in that order, and what was counted.",
        columns.STATS,
        (*GROUPS, *columns.ADDED),
    ),
}
_FLIGHTS: Json = {
    "FlightPage": _object(
        "A page of flights.",
        {
            "data": _rows("Flight", FLIGHTS_LIMIT_MOST),
            "truncated": _TRUNCATED,
            "next_cursor": {
                "type": ["string", "null"],
                "pattern": f"^{CURSOR_PATTERN}$",
                "description": "The `cursor` of the next page; null on the last one.",
            },
        },
    ),
    "Flight": _object(
        "A flight in its newest state; with `columns`, those alone.", columns.FLIGHT, (*FLIGHT_COLUMNS, *columns.ADDED)
    ),
    "FlightState": _object("One flight.", {"data": _of("FlightWithSource")}),
    "FlightWithSource": _object(
        "A flight in its newest state, and where that came from.",
        columns.FLIGHT | {"source": _of("FlightSource")},
        columns.ADDED,
    ),
    "FlightSource": _object(
        "The event that is the state of the flight, and the file that has it.",
        {name: columns.EVENT[name] for name in ("file", "message_id", "message_line", "absorbed")},
    ),
    "FlightEvents": _object(
        "The events of one flight, newest first.",
        {"data": _rows("FlightEvent", EVENTS_MOST), "truncated": _TRUNCATED},
    ),
    "FlightEvent": _object("One event of a flight: its whole state then.", columns.EVENT, columns.ADDED),
}
_LAKE: Json = {
    "Lake": _object(
        "What the lake holds.",
        {
            "snapshot": described(COUNT, "Number of the latest snapshot; 0 before the first one."),
            "listed_at": described(MOMENT, "When the lake was listed. In UTC."),
            "flights": described(COUNT | {"x-unit": "flights"}, "Flights that answers show."),
            "months": {"type": "array", "items": _of("LakeMonth"), "description": "Months with merged files."},
            "tail": _of("LakeTail"),
            "newest_event_time": described(or_null(MOMENT), "Latest `event_time` of all flights. In UTC."),
            "newest_publish_time": described(or_null(MOMENT), "Latest `publish_time` of all flights. In UTC."),
            "rejected": _of("LakeRejected"),
            "unreadable": {"type": "array", "items": _of("UnreadableFile"), "description": "Files of no use."},
            "foreign": described(or_null(COUNT | {"x-unit": "objects"}), "Objects whose names are not the lake's."),
        },
    ),
    "LakeMonth": _object(
        "The files of one month.",
        {
            "month": described(MONTH, "Month of the flight dates, as in 2013-01."),
            "rows": described(COUNT | {"x-unit": "rows"}, "Rows of its files."),
            "bytes": described(_BYTES, "Size of its files in bytes."),
        },
    ),
    "LakeTail": _object(
        "Landed files that are in no snapshot yet.",
        {
            "files": described(COUNT | {"x-unit": "files"}, "How many there are."),
            "rows": described(COUNT | {"x-unit": "rows"}, "Their rows: events, not flights."),
        },
    ),
    "LakeRejected": _object(
        "Files of lines that are no events; null where it was not counted.",
        {
            "files": described(or_null(COUNT | {"x-unit": "files"}), "How many there are."),
            "rows": described(or_null(COUNT | {"x-unit": "rows"}), "Their rows: a line each."),
            "bytes": described(or_null(_BYTES), "Their size in bytes."),
        },
    ),
    "UnreadableFile": _object(
        "A file that cannot be read; questions that need it get 503.",
        {
            "name": described({"type": "string"}, "Name of the object."),
            "why": described({"type": "string"}, "Why it cannot be read."),
        },
    ),
}


def _reference(name: str, description: str, most_rows: int) -> Json:
    truncated = {"type": "boolean", "description": "Always false: these are all."}
    return _object(description, {"data": _rows(name, most_rows), "truncated": truncated})


def _probe(value: str) -> Json:
    return _object("The answer of a probe.", {"status": {"type": "string", "const": value}})


COMPONENTS: Final[Json] = {
    **_STATS,
    **_FLIGHTS,
    **_LAKE,
    "Airports": _reference("Airport", "Airports with an IATA code, by code.", 36**3),
    "Airport": _object("One airport.", columns.AIRPORT),
    "Carriers": _reference("Carrier", "Carriers by code.", 36**2 + 36**3),
    "Carrier": _object("One carrier.", columns.CARRIER_COLUMNS),
    "Health": _probe("ok"),
    "Readiness": _probe("ready"),
    "Problem": _problem(),
}
"""`components.schemas` of the document."""
