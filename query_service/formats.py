"""The one place where a format is negotiated, and where rows become bytes. Today: JSON.

The same rows always give the same bytes; a double is written so that it parses back to the same double.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from query_service.errors import not_acceptable_error, parameter_error

JSON_MEDIA_TYPE: Final = "application/json"
FORMATS: Final = ("json",)

_ACCEPTED_FOR_JSON = (JSON_MEDIA_TYPE, "application/*", "*/*")


def negotiate(pairs: Sequence[tuple[str, str]], accept: str | None) -> str:
    """The format to answer in: `format=` decides, else the Accept header. Raises ProblemError (422, 406)."""
    asked = [value for name, value in pairs if name == "format"]
    if len(asked) > 1 or (asked and asked[0] not in FORMATS):
        raise parameter_error("format", ", ".join(asked), f"one of {', '.join(FORMATS)}")
    if not asked and accept is not None and not _allows_json(accept):
        raise not_acceptable_error(accept, JSON_MEDIA_TYPE)
    return FORMATS[0]


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as JSON values, by column name; dates as ISO text."""
    names, columns = table.column_names, []
    for column in table.columns:
        shown = column.cast(pa.string()) if pa.types.is_date(column.type) else column
        columns.append(shown.to_pylist())
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def json_bytes(document: dict[str, Any]) -> bytes:
    """UTF-8 JSON of one document."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _allows_json(accept: str) -> bool:
    """The most specific media range that matches JSON decides; q=0 forbids."""
    ranges = [_media_range(item) for item in accept.split(",") if item.strip()]
    for name in _ACCEPTED_FOR_JSON:
        qualities = [quality for media, quality in ranges if media == name]
        if qualities:
            return max(qualities) > 0
    return not ranges


def _media_range(item: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in item.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return media, float(parameter[2:])
            except ValueError:
                return media, 0.0
    return media, 1.0
