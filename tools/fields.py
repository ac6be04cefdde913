"""`python -m tools.fields`: writes all copies of the table of event fields."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import lakehouse
from lakehouse.schema.event import FIELDS
from lakehouse.schema.fields import Date, Field, Integer, Text, Time
from lakehouse.schema.json_schema import schema_text
from tools.pages import ROOT, filled

SCHEMA: Final = Path(lakehouse.__file__).parent / "schema" / "event.schema.json"
EVENT_PAGE: Final = ROOT / "docs" / "event.md"

_NAME: Final = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def written() -> dict[Path, str]:
    """The files as they must be. Raises ValueError when the marks in one are not there once."""
    page = EVENT_PAGE.read_text(encoding="utf-8")
    for name, table in (("fields", _fields()), ("derived columns", _derived_columns())):
        begin, end = f"<!-- {name}: written by tools.fields -->", f"<!-- end of {name} -->"
        page = filled(page, begin, end, f"\n{table}\n")
    return {SCHEMA: schema_text(), EVENT_PAGE: page}


def _fields() -> str:
    rows = [
        (
            f"`{field.name}`",
            _type(field),
            _required(field),
            _names_as_code(f"{field.description} {field.rules}".rstrip()),
        )
        for field in FIELDS
        if field.from_publisher
    ]
    return _table(("field", "type", "required", "description"), rows)


def _derived_columns() -> str:
    rows = [
        (f"`{field.name}`", f"`{field.arrow_type}`", _names_as_code(field.description))
        for field in FIELDS
        if not field.from_publisher
    ]
    return _table(("column", "Arrow type", "description"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [tuple(head), *map(tuple, rows)]
    first, *others = (f"| {' | '.join(row)} |".replace("|  |", "| |") for row in cells)
    return "\n".join([first, "|---" * len(cells[0]) + "|", *others])


def _required(field: Field) -> str:
    if isinstance(field, Text) and field.default is not None:
        return f'no; default `"{field.default}"`'
    return "yes" if field.required else "no"


def _type(field: Field) -> str:
    match field:
        case Date():
            return f"date, {field.minimum} to {field.maximum}"
        case Time():
            return "RFC 3339 with offset"
        case Integer():
            return f"integer, {field.minimum} to {field.maximum} {field.unit}".rstrip()
        case Text(pattern=str(pattern)):
            return f"`{pattern}`"
        case Text(choices=choices) if choices:
            return " ".join(f"`{choice}`" for choice in choices)
    raise TypeError(f"{field.name}: {type(field).__name__} has no words yet")


def _names_as_code(text: str) -> str:
    return _NAME.sub(lambda match: f"`{match[0]}`", text)


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
    sys.exit(0)
