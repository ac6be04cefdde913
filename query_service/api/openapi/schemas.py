"""JSON Schemas of answers and problem documents. They are exact: no other member is allowed."""

from __future__ import annotations

from typing import Any, Final

from lakehouse.schema.event import (
    AIRPORT_PATTERN,
    CARRIER_PATTERN,
    FIELDS,
    FLIGHT_ID_PATTERN,
    MAX_DELAY_MINUTES,
    MAX_FLIGHT_DATE,
    MAX_FLIGHT_NUMBER,
    MIN_DELAY_MINUTES,
    MIN_FLIGHT_DATE,
    STATUSES,
)
from lakehouse.schema.fields import Date, Field, Integer, Text, Time
from query_service.queries.model import (
    CURSOR_PATTERN,
    EVENTS_MOST,
    FLIGHT_COLUMNS,
    FLIGHTS_LIMIT_MOST,
    GROUPS,
    METRICS,
    STATS_LIMIT_MOST,
)
from query_service.queries.reference import NAMES

Json = dict[str, Any]

_COUNT: Json = {"type": "integer", "minimum": 0}
_DATE: Json = {"type": "string", "format": "date"}
_MOMENT: Json = {"type": "string", "format": "date-time", "pattern": "Z$"}
_MONTH: Json = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
_STATUS: Json = {"type": "string", "enum": [status for status in STATUSES if status != "void"]}
_AIRPORT: Json = {"type": "string", "pattern": f"^{AIRPORT_PATTERN}$"}
_CARRIER: Json = {"type": "string", "pattern": f"^{CARRIER_PATTERN}$"}


def _object(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _or_null(schema: Json) -> Json:
    return schema | {"type": [schema["type"], "null"]}


def _metric(name: str) -> Json:
    if name.endswith("_rate"):
        return {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    if name.endswith("_mean"):
        return {"type": ["number", "null"], "minimum": MIN_DELAY_MINUTES, "maximum": MAX_DELAY_MINUTES}
    if "_delay_" in name:
        return {"type": ["integer", "null"], "minimum": MIN_DELAY_MINUTES, "maximum": MAX_DELAY_MINUTES}
    return _COUNT


_GROUP: Json = {
    "carrier": _CARRIER,
    "origin": _AIRPORT,
    "destination": _AIRPORT,
    "route": {"type": "string", "pattern": f"^{AIRPORT_PATTERN}-{AIRPORT_PATTERN}$"},
    "status": _STATUS,
    "flight_number": {"type": "integer", "minimum": 1, "maximum": MAX_FLIGHT_NUMBER},
    "tail_number": {"type": ["string", "null"]},
    "flight_date": _DATE,
    "week": {"type": "string", "pattern": "^[0-9]{4}-W[0-5][0-9]$"},
    "month": _MONTH,
    "quarter": {"type": "string", "pattern": "^[0-9]{4}-Q[1-4]$"},
    "year": {"type": "integer", "minimum": MIN_FLIGHT_DATE.year, "maximum": MAX_FLIGHT_DATE.year},
    "weekday": {"type": "integer", "minimum": 1, "maximum": 7},
    "hour": {"type": "integer", "minimum": 0, "maximum": 23},
}


def _column(field: Field) -> Json:
    schema = _values(field)
    return (_or_null(schema) if field.is_nullable else schema) | {"description": field.description}


def _values(field: Field) -> Json:
    match field:
        case Date():
            return _DATE
        case Time():
            return _MOMENT
        case Integer():
            limits = {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
            return limits | ({"x-unit": field.unit} if field.unit else {})
        case Text(choices=choices) if choices:
            return _STATUS
        case Text(pattern=str(pattern)) if not field.is_freer_in_old_rows:
            return {"type": "string", "pattern": f"^{pattern}$"}
    return {"type": "string"}


_FLIGHT_ID: Json = {
    "type": "string",
    "pattern": f"^{FLIGHT_ID_PATTERN}$",
    "description": "The key of the flight: flight_date, carrier, flight_number with its suffix, origin.",
}


def _with_names(columns: Json) -> Json:
    """The columns, with those of `names=true` after their codes."""
    found: Json = {}
    for column, described in columns.items():
        found[column] = described
        for name in NAMES.get(column, ()):
            found[name] = _name_of(name)
    return found


def _name_of(column: str) -> Json:
    source = "/v1/carriers" if column.startswith("carrier") else "/v1/airports"
    what = "City of the airport" if column.endswith("_city") else "Name"
    return {"type": ["string", "null"], "description": f"{what}, of {source}; only with `names=true`."}


_ADDED: Final = tuple(name for names in NAMES.values() for name in names)
_FLIGHT: Final = _with_names(
    {"flight_id": _FLIGHT_ID} | {field.name: _column(field) for field in FIELDS if field.in_api}
)
_SOURCE: Final = _object(
    {
        "file": {"type": "string"},
        "message_id": {"type": "string"},
        "message_line": {"type": "integer"},
        "absorbed": {"type": "boolean"},
    }
)

STATS: Final = _object(
    {
        "data": {
            "type": "array",
            "maxItems": STATS_LIMIT_MOST,
            "items": _object(
                _with_names({name: _GROUP[name] for name in GROUPS}) | {m: _metric(m) for m in METRICS},
                (*GROUPS, *_ADDED),
            ),
        },
        "truncated": {"type": "boolean"},
    }
)
FLIGHTS: Final = _object(
    {
        "data": {
            "type": "array",
            "maxItems": FLIGHTS_LIMIT_MOST,
            "items": _object(_FLIGHT, (*FLIGHT_COLUMNS, *_ADDED)),
        },
        "truncated": {"type": "boolean"},
        "next_cursor": {"type": ["string", "null"], "pattern": f"^{CURSOR_PATTERN}$"},
    }
)
FLIGHT: Final = _object({"data": _object(_FLIGHT | {"source": _SOURCE}, _ADDED)})
_OF_EVENT: Json = {
    "status": {"type": "string", "enum": list(STATUSES), "description": "`void` withdraws the flight."},
    "message_id": {"type": "string"},
    "message_line": {"type": "integer"},
    "copies": {"type": "integer", "minimum": 1, "description": "How often it is there: more after a redelivery."},
    "file": {"type": "string", "description": "The file that has it; a month file before landed ones."},
    "absorbed": {"type": "boolean", "description": "Whether that is a month file."},
    "is_newest": {"type": "boolean", "description": "Whether it won: the state of the flight is this event."},
}
EVENTS: Final = _object(
    {
        "data": {"type": "array", "maxItems": EVENTS_MOST, "items": _object(_FLIGHT | _OF_EVENT, _ADDED)},
        "truncated": {"type": "boolean"},
    }
)
LAKE: Final = _object(
    {
        "snapshot": _COUNT,
        "listed_at": _MOMENT,
        "flights": _COUNT,
        "months": {"type": "array", "items": _object({"month": _MONTH, "rows": _COUNT, "bytes": _COUNT})},
        "tail": _object({"files": _COUNT, "rows": _COUNT}),
        "newest_event_time": _or_null(_MOMENT),
        "newest_publish_time": _or_null(_MOMENT),
        "rejected": _object({name: _or_null(_COUNT) for name in ("files", "rows", "bytes")}),
        "unreadable": {
            "type": "array",
            "items": _object({"name": {"type": "string"}, "why": {"type": "string"}}),
        },
        "foreign": _or_null(_COUNT),
    }
)


_AIRPORT_COLUMNS: Json = {
    "code": {"type": "string", "pattern": "^[A-Z0-9]{3}$", "description": "IATA code."},
    "icao": {"type": ["string", "null"], "description": "ICAO code."},
    "name": {"type": "string", "description": "Name of the airport."},
    "city": {"type": ["string", "null"], "description": "City that it serves."},
    "region": {"type": ["string", "null"], "description": "State, province or the like."},
    "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 code of the country."},
    "latitude": {"type": "number", "minimum": -90, "maximum": 90, "x-unit": "degrees", "description": "Degrees north."},
    "longitude": {
        "type": "number",
        "minimum": -180,
        "maximum": 180,
        "x-unit": "degrees",
        "description": "Degrees east.",
    },
    "time_zone": {"type": ["string", "null"], "description": "IANA name, like America/New_York."},
}
_CARRIER_COLUMNS: Json = {
    "code": _CARRIER | {"description": "Code of the carrier."},
    "name": {"type": "string", "description": "Name of the carrier."},
}


def _reference(columns: Json, most_rows: int) -> Json:
    rows = {"type": "array", "maxItems": most_rows, "items": _object(columns)}
    return _object({"data": rows, "truncated": {"type": "boolean", "const": False}})


AIRPORTS: Final = _reference(_AIRPORT_COLUMNS, 36**3)
CARRIERS: Final = _reference(_CARRIER_COLUMNS, 36**2 + 36**3)
"""At most a row for each code that there can be."""


def status(value: str) -> Json:
    """The answer of a probe."""
    return _object({"status": {"type": "string", "const": value}})


def problem(status_code: int) -> Json:
    """An RFC 9457 problem document with this status."""
    properties: Json = {
        "type": {"type": "string", "pattern": "^urn:flights-lakehouse:problem:[a-z-]+$"},
        "title": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "const": status_code},
        "detail": {"type": "string", "minLength": 1},
        "parameter": {"type": "string", "maxLength": 60, "description": "The parameter that is wrong"},
        "got": {"type": "string", "maxLength": 60, "description": "What it was, shortened"},
        "expected": {"type": "string", "description": "What it takes"},
    }
    return _object(properties, ("parameter", "got", "expected"))
