"""The event as a JSON Schema (draft 2020-12), from the constants in `lakehouse.schema.event`.

`lakehouse/schema/event.schema.json` is the published copy. To renew it:
`python -m lakehouse schema > lakehouse/schema/event.schema.json`
"""

from __future__ import annotations

import json
from typing import Any, Final

from lakehouse.schema import event

_DATE_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"

_REQUIRED: Final = (
    *("flight_date", "carrier", "flight_number", "origin", "destination", "scheduled_departure", "status"),
    "event_time",
)


def event_schema() -> dict[str, Any]:
    """The schema as a document. Optional fields may be null, which is the same as absent."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:flights-lakehouse:event:{event.FORMAT_VERSION}",
        "title": "Flight status event",
        "description": "The full state of one flight as its publisher knew it at event_time, not a change to one.",
        "$comment": "Three rules compare fields, or look outside the event, and are in descriptions only.",
        "type": "object",
        "required": list(_REQUIRED),
        "properties": {name: _field(name, schema) for name, schema in _PROPERTIES.items()},
        "additionalProperties": True,
    }


def schema_text() -> str:
    """The schema as the published file has it."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"


def _field(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name in _REQUIRED:
        return schema
    return {**schema, "type": [schema["type"], "null"]}


def _text(pattern: str, description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$", "description": description}


def _integer(minimum: int, maximum: int, description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "description": description}


def _time(description: str) -> dict[str, Any]:
    return {**_text(_DATE_TIME, f"{description} RFC 3339 with offset."), "format": "date-time"}


def _date(description: str) -> dict[str, Any]:
    years = _years(event.MIN_FLIGHT_DATE.year, event.MAX_FLIGHT_DATE.year)
    return {**_text(f"(?:{years})-[0-9]{{2}}-[0-9]{{2}}", description), "format": "date"}


def _years(first: int, last: int) -> str:
    """A pattern for the years from `first` to `last`; whole decades in one alternative."""
    alternatives: list[str] = []
    year = first
    while year <= last:
        is_decade = year % 10 == 0 and year + 9 <= last
        alternatives.append(f"{year // 10}[0-9]" if is_decade else str(year))
        year += 10 if is_decade else 1
    return "|".join(alternatives)


def _delay(of: str) -> dict[str, Any]:
    return _integer(
        event.MIN_DELAY_MINUTES,
        event.MAX_DELAY_MINUTES,
        f"If absent and both times of the {of} are known: actual minus scheduled, floored to minutes,"
        " within the same limits.",
    )


_PROPERTIES: Final[dict[str, dict[str, Any]]] = {
    "flight_date": _date(
        "Local date of the first scheduled departure. Never changes, also when the flight is rescheduled. At most"
        f" {event.MAX_DAYS_FROM_SCHEDULED_DEPARTURE} days from the local date of scheduled_departure."
    ),
    "carrier": _text(
        event.CARRIER_PATTERN,
        f"The operating carrier; codeshare numbers are not events. {event.PROBE_CARRIER} is reserved for probes.",
    ),
    "flight_number": _integer(1, event.MAX_FLIGHT_NUMBER, "Without the operational suffix."),
    "operational_suffix": {**_text(event.SUFFIX_PATTERN, "One letter, or empty."), "default": ""},
    "origin": _text(event.AIRPORT_PATTERN, "Airport of the departure."),
    "destination": _text(event.AIRPORT_PATTERN, "Airport of the arrival as planned."),
    "diverted_to": _text(event.AIRPORT_PATTERN, "Airport of the arrival when it is another than planned."),
    "scheduled_departure": _time("With the offset of the origin: the local hour is kept."),
    "scheduled_arrival": _time("Any offset."),
    "actual_departure": _time("Any offset."),
    "actual_arrival": _time("Any offset."),
    "status": {
        "type": "string",
        "enum": list(event.STATUSES),
        "description": "void withdraws a flight that should not exist.",
    },
    "departure_delay_minutes": _delay("departure"),
    "arrival_delay_minutes": _delay("arrival"),
    "tail_number": {
        "type": "string",
        "minLength": 1,
        "maxLength": event.MAX_TAIL_NUMBER_CHARACTERS,
        "description": "Registration of the aircraft.",
    },
    "air_time_minutes": _integer(0, event.MAX_SMALL_INTEGER, "From take-off to landing."),
    "distance_km": _integer(0, event.MAX_SMALL_INTEGER, "Of the route."),
    "event_time": _time(
        "When the publisher knew this; the event with the largest is the flight's state. Not more than"
        f" {event.MAX_EVENT_LEAD.total_seconds() / 3600:.0f} h after it is published."
    ),
}
