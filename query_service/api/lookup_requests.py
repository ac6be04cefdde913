"""Reads requests that look something up: a flight, its events, or a reference table. They have no filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lakehouse.schema.event import FlightKey, parse_flight_id
from query_service.api import parameters as table
from query_service.api.query_string import Parameters, contradiction_error
from query_service.errors import parameter_error
from query_service.queries.model import FlightEventsRequest, FlightRequest, ReferenceRequest

Pairs = Sequence[tuple[str, str]]

_FLIGHT: Final = table.parameters_of(table.FLIGHT)
_EVENTS: Final = table.parameters_of(table.EVENTS)
_REFERENCE: Final = table.parameters_of(table.AIRPORTS)


def flight_request(flight_id: str, pairs: Pairs) -> FlightRequest:
    """Reads path and query string of /v1/flights/{flight_id}. Raises ProblemError (422)."""
    given = Parameters(pairs, _FLIGHT)
    min_event_time, wait_s = given.one(table.MIN_EVENT_TIME), given.one(table.WAIT_S)
    if wait_s is not None and min_event_time is None:
        raise contradiction_error(given, table.WAIT_S, "a min_event_time beside it, to wait for")
    snapshot, names = given.one(table.SNAPSHOT), given.one(table.NAMES) == "true"
    if snapshot is not None and min_event_time is not None:
        raise contradiction_error(given, table.SNAPSHOT, "no min_event_time beside it: a snapshot does not change")
    return FlightRequest(_flight_key(flight_id), min_event_time, wait_s or 0.0, snapshot, names)


def flight_events_request(flight_id: str, pairs: Pairs) -> FlightEventsRequest:
    """Reads path and query string of /v1/flights/{flight_id}/events. Raises ProblemError (422)."""
    given = Parameters(pairs, _EVENTS)
    return FlightEventsRequest(_flight_key(flight_id), given.one(table.SNAPSHOT), given.one(table.NAMES) == "true")


def reference_request(name: str, pairs: Pairs) -> ReferenceRequest:
    """Reads the query string of /v1/airports or /v1/carriers. Raises ProblemError (422)."""
    Parameters(pairs, _REFERENCE)
    return ReferenceRequest(name)


def _flight_key(flight_id: str) -> FlightKey:
    try:
        return parse_flight_id(flight_id.upper() if flight_id.isascii() else flight_id)
    except ValueError:
        expected = "date, carrier, number with its suffix, and origin, like 2013-01-01-UA-1545-EWR"
        raise parameter_error("flight_id", flight_id, expected) from None
