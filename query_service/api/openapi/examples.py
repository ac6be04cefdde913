"""Examples of answers: requests with what a lake of the flights of 1 January 2013 answers. A test sends each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lakehouse.schema.event import FIELD, FIELDS
from query_service.api import parameters
from query_service.queries.model import METRICS, Order, cursor_of
from query_service.representation.negotiation import ARROW, CSV, NDJSON, PARQUET

Json = dict[str, Any]

FLIGHT_ID: Final = "2013-01-01-UA-1545-EWR"
_DAY: Final = "date_from=2013-01-01&date_to=2013-01-01"


@dataclass(frozen=True)
class Example:
    """A request, and the body of its answer in JSON."""

    request: str
    body: Json

    def other_formats(self) -> Json:
        """The media types of a table other than JSON, with the same rows."""
        rows = self.body["data"]
        lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        csv = "".join(f"{line}\r\n" for line in (",".join(rows[0]), *map(_csv_line, rows)))
        text: Json = {"type": "string"}
        binary: Json = {"type": "string", "format": "binary"}
        return {
            NDJSON.media_type: {"schema": text, "example": lines},
            CSV.media_type: {"schema": text, "example": csv},
            ARROW.media_type: {"schema": binary},
            PARQUET.media_type: {"schema": binary},
        }


def _csv_line(row: Mapping[str, Any]) -> str:
    return ",".join(map(_csv_value, row.values()))


def _csv_value(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def _stats(carrier: str, *metrics: float) -> Json:
    return {"carrier": carrier} | dict(zip(METRICS, metrics, strict=True))


_STATS: Final = (
    _stats(
        *("AA", 94, 92, 92, 2, 0, 0.02127659574468085, 0.8478260869565217, 0.6739130434782609),
        *(7.956521739130435, -2, 32, 61, 285, 11.445652173913043, 4, 44, 60, 246),
    ),
    _stats(
        *("UA", 165, 165, 164, 0, 1, 0.0, 0.8545454545454545, 0.7195121951219512),
        *(7.648484848484848, 2, 27, 34, 144, 6.2682926829268295, 3, 27, 37, 145),
    ),
)
_FLIGHT: Final[Json] = (
    {"flight_id": FLIGHT_ID}
    | {field.name: field.example for field in FIELDS if field.in_api}
    | {
        "diverted_to": None,
        "scheduled_arrival": "2013-01-01T14:19:00Z",
        "actual_arrival": "2013-01-01T14:30:00Z",
        "status": "arrived",
        "event_time": "2013-01-01T14:30:00Z",
        "publish_time": "2013-01-02T12:00:00Z",
    }
)
_SOURCE: Final[Json] = {
    "file": "flights/flight_month=2013-01/0-00000000000000000000000000000000.parquet",
    "message_id": FIELD["message_id"].example,
    "message_line": FIELD["message_line"].example,
    "absorbed": True,
}
_EVENT: Final[Json] = _FLIGHT | {
    "message_id": _SOURCE["message_id"],
    "message_line": _SOURCE["message_line"],
    "copies": 1,
    "file": _SOURCE["file"],
    "absorbed": True,
    "is_newest": True,
}
_LAKE: Final[Json] = {
    "snapshot": 1,
    "listed_at": "2013-01-02T12:00:00Z",
    "flights": 842,
    "months": [{"month": "2013-01", "rows": 842, "bytes": 47_042}],
    "tail": {"files": 0, "rows": 0},
    "newest_event_time": "2013-01-02T15:01:00Z",
    "newest_publish_time": "2013-01-02T12:00:00Z",
    "rejected": {"files": 0, "rows": 0, "bytes": 0},
    "unreadable": [],
    "foreign": 0,
}
_NEWARK: Final[Json] = {
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


def _table(*rows: Json, **more: Any) -> Json:
    return {"data": list(rows), "truncated": False} | more


EXAMPLES: Final = {
    parameters.STATS: Example(
        f"{parameters.STATS}?carrier=UA,AA&{_DAY}&group_by=carrier",
        _table(*_STATS),
    ),
    parameters.FLIGHTS: Example(
        f"{parameters.FLIGHTS}?{_DAY}&carrier=UA&origin=EWR&destination=IAH&order_by=scheduled_departure&limit=1",
        _table(
            _FLIGHT,
            truncated=True,
            next_cursor=cursor_of(FLIGHT_ID, Order("scheduled_departure", False), 1_357_035_300_000_000),
        ),
    ),
    parameters.FLIGHT: Example(f"{parameters.FLIGHTS}/{FLIGHT_ID}", {"data": _FLIGHT | {"source": _SOURCE}}),
    parameters.EVENTS: Example(f"{parameters.FLIGHTS}/{FLIGHT_ID}/events", _table(_EVENT)),
    parameters.LAKE: Example(parameters.LAKE, _LAKE),
    parameters.AIRPORTS: Example(parameters.AIRPORTS, _table(_NEWARK)),
    parameters.CARRIERS: Example(parameters.CARRIERS, _table({"code": "UA", "name": "United Air Lines Inc."})),
    "/health": Example("/health", {"status": "ok"}),
    "/ready": Example("/ready", {"status": "ready"}),
}
"""By path."""
