"""The event as a JSON Schema (draft 2020-12), from the table in `lakehouse.schema.event`.

`make fields` writes the published copy, `lakehouse/schema/event.schema.json`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from lakehouse.schema.event import FIELDS, FORMAT_VERSION
from lakehouse.schema.fields import Date, Field, Integer, Text, Time
from lakehouse.schema.versions import columns_version

Json = dict[str, Any]

_DATE_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"


def event_schema() -> Json:
    """The schema as a document. Optional fields may be null, which is the same as absent."""
    fields = [field for field in FIELDS if field.from_publisher]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:flights-lakehouse:event:{columns_version(FORMAT_VERSION)}",
        "title": "Flight status event",
        "description": "The full state of one flight as its publisher knew it at event_time, not a change to one.",
        "$comment": "Three rules compare fields, or look outside the event, and are in descriptions only.",
        "type": "object",
        "required": [field.name for field in fields if field.required],
        "properties": {field.name: _property(field) for field in fields},
        "additionalProperties": True,
    }


def schema_text() -> str:
    """The schema as the published file has it."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"


def values(field: Field) -> Json:
    """Which values the field has, as a schema with a type and limits alone. Dates and times are text."""
    match field:
        case Date():
            years = _years(field.minimum.year, field.maximum.year)
            return _text(f"(?:{years})-[0-9]{{2}}-[0-9]{{2}}") | {"format": "date"}
        case Time():
            return _text(_DATE_TIME) | {"format": "date-time"}
        case Integer():
            return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
        case Text(pattern=str(pattern)):
            return _text(pattern)
        case Text(choices=choices) if choices:
            return {"type": "string", "enum": list(choices)}
    return {"type": "string"}


def _property(field: Field) -> Json:
    schema = values(field) | {"description": " ".join(filter(None, (field.description, field.rules, _form(field))))}
    if isinstance(field, Text) and field.default is not None:
        schema["default"] = field.default
    return schema if field.required else schema | {"type": [schema["type"], "null"]}


def _form(field: Field) -> str:
    return "RFC 3339 with offset." if isinstance(field, Time) else ""


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _years(first: int, last: int) -> str:
    """A pattern for the years from `first` to `last`; whole decades in one alternative."""
    alternatives: list[str] = []
    year = first
    while year <= last:
        is_decade = year % 10 == 0 and year + 9 <= last
        alternatives.append(f"{year // 10}[0-9]" if is_decade else str(year))
        year += 10 if is_decade else 1
    return "|".join(alternatives)
