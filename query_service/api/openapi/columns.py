"""What each column of an answer means, with its unit: groups, metrics and names. Those of flights: the field table."""

from __future__ import annotations

from typing import Any, Final

from lakehouse.schema.event import (
    AIRPORT_PATTERN,
    CARRIER_PATTERN,
    FIELD,
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
from query_service.queries.model import GROUPS, METRICS, ON_TIME_MINUTES
from query_service.queries.reference import NAMES

Json = dict[str, Any]

COUNT: Final[Json] = {"type": "integer", "minimum": 0}
DATE: Final[Json] = {"type": "string", "format": "date"}
MOMENT: Final[Json] = {"type": "string", "format": "date-time", "pattern": "Z$"}
MONTH: Final[Json] = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
STATUS: Final[Json] = {"type": "string", "enum": [status for status in STATUSES if status != "void"]}
CARRIER: Final[Json] = {"type": "string", "pattern": f"^{CARRIER_PATTERN}$"}
_AIRPORT: Final[Json] = {"type": "string", "pattern": f"^{AIRPORT_PATTERN}$"}

ON_TIME: Final = (
    f"less than `on_time_minutes` after the schedule ({ON_TIME_MINUTES} unless another number is asked for: on time as"
    " the US DOT defines it), or early"
)


def or_null(schema: Json) -> Json:
    """The same, or null."""
    return schema | {"type": [schema["type"], "null"]}


def described(schema: Json, description: str) -> Json:
    """The schema, and what it means."""
    return schema | {"description": description}


_KINDS: Final = {
    "departure": "departure delays in minutes of flights that left; early is negative",
    "arrival": "arrival delays in minutes of flights that arrived as planned; early is negative",
}
_COUNTED: Final = {
    "flights": "Flights, each once, in their newest state.",
    "departed": "Flights that left, whatever became of them: departed, arrived or diverted.",
    "arrived": "Flights that arrived where they were to.",
    "cancelled": "Cancelled flights.",
    "diverted": "Flights that landed elsewhere.",
}
_RATES: Final = {
    "cancellation_rate": "Share of `flights` that were cancelled, from 0 to 1; null without flights.",
    **{
        f"on_time_{kind}_rate": f"Share, from 0 to 1, of the known {delays}, that are {ON_TIME}. Null where none is"
        " known."
        for kind, delays in _KINDS.items()
    },
}


def _metric(name: str) -> Json:
    if name in _COUNTED:
        return described(COUNT | {"x-unit": "flights"}, _COUNTED[name])
    if name in _RATES:
        return described({"type": ["number", "null"], "minimum": 0, "maximum": 1}, _RATES[name])
    kind, _, what = name.partition("_delay_")
    if what == "mean":
        text = f"Mean of the known {_KINDS[kind]}. Null where none is known."
    elif what == "max":
        text = f"Largest of the known {_KINDS[kind]}. Null where none is known."
    else:
        percent = what.removeprefix("p")
        text = (
            f"Percentile of the known {_KINDS[kind]}: the smallest that at least {percent} % of them do not exceed,"
            " itself one of them. Null where none is known."
        )
    limits = {"minimum": MIN_DELAY_MINUTES, "maximum": MAX_DELAY_MINUTES, "x-unit": "minutes"}
    return described({"type": ["number" if what == "mean" else "integer", "null"], **limits}, text)


_GROUPS: Final[Json] = {
    "carrier": described(CARRIER, FIELD["carrier"].description),
    "origin": described(_AIRPORT, FIELD["origin"].description),
    "destination": described(_AIRPORT, FIELD["destination"].description),
    "route": described(
        {"type": "string", "pattern": f"^{AIRPORT_PATTERN}-{AIRPORT_PATTERN}$"},
        "Origin and destination, as in EWR-LAX.",
    ),
    "status": described(STATUS, FIELD["status"].description),
    "flight_number": described(
        {"type": "integer", "minimum": 1, "maximum": MAX_FLIGHT_NUMBER}, FIELD["flight_number"].description
    ),
    "tail_number": described({"type": ["string", "null"]}, FIELD["tail_number"].description),
    "flight_date": described(DATE, FIELD["flight_date"].description),
    "week": described(
        {"type": "string", "pattern": "^[0-9]{4}-W[0-5][0-9]$"}, "Week of the flight date by ISO 8601, as in 2013-W01."
    ),
    "month": described(MONTH, "Month of the flight date, as in 2013-01."),
    "quarter": described(
        {"type": "string", "pattern": "^[0-9]{4}-Q[1-4]$"}, "Calendar quarter of the flight date, as in 2013-Q1."
    ),
    "year": described(
        {"type": "integer", "minimum": MIN_FLIGHT_DATE.year, "maximum": MAX_FLIGHT_DATE.year},
        "Calendar year of the flight date.",
    ),
    "weekday": described(
        {"type": "integer", "minimum": 1, "maximum": 7}, "Weekday of the flight date, from 1 (Monday) to 7 (Sunday)."
    ),
    "hour": described({"type": "integer", "minimum": 0, "maximum": 23}, FIELD["scheduled_departure_hour"].description),
}


def _with_names(columns: Json) -> Json:
    """The columns, with those of `names=true` after their codes."""
    found: Json = {}
    for column, schema in columns.items():
        found[column] = schema
        for name in NAMES.get(column, ()):
            found[name] = _name(name)
    return found


def _name(column: str) -> Json:
    source = "/v1/carriers" if column.startswith("carrier") else "/v1/airports"
    what = "City of the airport" if column.endswith("_city") else "Name"
    return {"type": ["string", "null"], "description": f"{what} in {source}, null where it has none. Only with names."}


def _column(field: Field) -> Json:
    schema = _values(field)
    return described(or_null(schema) if field.is_nullable else schema, field.description)


def _values(field: Field) -> Json:
    match field:
        case Date():
            return DATE
        case Time():
            return MOMENT
        case Integer():
            limits = {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
            return limits | ({"x-unit": field.unit} if field.unit else {})
        case Text(choices=choices) if choices:
            return STATUS
        case Text(pattern=str(pattern)) if not field.is_freer_in_old_rows:
            return {"type": "string", "pattern": f"^{pattern}$"}
    return {"type": "string"}


_FLIGHT_ID: Json = {
    "type": "string",
    "pattern": f"^{FLIGHT_ID_PATTERN}$",
    "description": "The key of the flight: flight_date, carrier, flight_number with its suffix, origin.",
}

ADDED: Final = tuple(name for names in NAMES.values() for name in names)
"""The columns that only `names=true` adds."""
STATS: Final[Json] = _with_names({name: _GROUPS[name] for name in GROUPS}) | {name: _metric(name) for name in METRICS}
FLIGHT: Final[Json] = _with_names(
    {"flight_id": _FLIGHT_ID} | {field.name: _column(field) for field in FIELDS if field.in_api}
)
EVENT: Final[Json] = FLIGHT | {
    "status": {"type": "string", "enum": list(STATUSES), "description": "Status; `void` withdraws the flight."},
    "message_id": described({"type": "string"}, FIELD["message_id"].description),
    "message_line": described(COUNT, FIELD["message_line"].description),
    "copies": {"type": "integer", "minimum": 1, "description": "How often it is there: more after a redelivery."},
    "file": {"type": "string", "description": "The file that has it; a month file before landed ones."},
    "absorbed": {"type": "boolean", "description": "Whether that is a month file."},
    "is_newest": {"type": "boolean", "description": "Whether it won: the state of the flight is this event."},
}
AIRPORT: Final[Json] = {
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
CARRIER_COLUMNS: Final[Json] = {
    "code": described(CARRIER, "Code of the carrier."),
    "name": {"type": "string", "description": "Name of the carrier."},
}
