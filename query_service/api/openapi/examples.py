"""Examples of answers for the OpenAPI document. A test compares them with real answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from lakehouse.schema.event import FIELD, FIELDS
from query_service.queries.model import METRICS, cursor_of
from query_service.representation.negotiation import ARROW, CSV, NDJSON, PARQUET

Json = dict[str, Any]

# No nulls in examples: the framework leaves them out of the document.
_NUMBERS: Json = dict.fromkeys(METRICS, 1) | {"cancellation_rate": 0.125, "departure_delay_mean": 8.25}
STATS: Final[Json] = {"carrier": "UA"} | _NUMBERS
FLIGHT: Final[Json] = {"flight_id": "2013-01-01-UA-1545-EWR"} | {
    field.name: field.example for field in FIELDS if field.in_api
}
FLIGHT_BODY: Final[Json] = {
    "data": FLIGHT
    | {
        "source": {
            "file": "flights/flight_month=2013-01/0-00000000000000000000000000000000.parquet",
            "message_id": FIELD["message_id"].example,
            "message_line": FIELD["message_line"].example,
            "absorbed": True,
        }
    }
}
EVENT: Final[Json] = FLIGHT | {
    "message_id": FIELD["message_id"].example,
    "message_line": FIELD["message_line"].example,
    "copies": 1,
    "file": FLIGHT_BODY["data"]["source"]["file"],
    "absorbed": True,
    "is_newest": True,
}
EVENTS_BODY: Final[Json] = {"data": [EVENT], "truncated": False}
LAKE_BODY: Final[Json] = {
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
STATS_BODY: Final[Json] = {"data": [STATS], "truncated": False}
FLIGHTS_BODY: Final[Json] = {"data": [FLIGHT], "truncated": True, "next_cursor": cursor_of(FLIGHT["flight_id"])}


AIRPORT: Final[Json] = {
    "code": "EWR",
    "icao": "KEWR",
    "name": "Newark Liberty International Airport",
    "city": "Newark",
    "region": "New Jersey",
    "country": "US",
    "latitude": 40.692481,
    "longitude": -74.168688,
    "time_zone": "America/New_York",
}
CARRIER: Final[Json] = {"code": "UA", "name": "United Air Lines Inc."}


def of_table(row: Json) -> Json:
    """The body with this row alone."""
    return {"data": [row], "truncated": False}


def other_formats(row: Mapping[str, Any]) -> Json:
    """The media types of a table other than JSON, with the same row."""
    line = json.dumps(row, separators=(",", ":")) + "\n"
    header_and_line = f"{','.join(row)}\r\n{','.join(map(json.dumps, row.values()))}\r\n"
    text: Json = {"type": "string"}
    binary: Json = {"type": "string", "format": "binary"}
    return {
        NDJSON.media_type: {"schema": text, "example": line},
        CSV.media_type: {"schema": text, "example": header_and_line},
        ARROW.media_type: {"schema": binary},
        PARQUET.media_type: {"schema": binary},
    }
