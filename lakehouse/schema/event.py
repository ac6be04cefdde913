"""What an event is: field rules, the columns of every Parquet file of the lake, the key and the order.

Knows nothing of storage, messages or SQL engines.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

FORMAT_VERSION: Final = 1
"""Version of the Parquet columns and of snapshots; whoever meets a newer one refuses to go on."""

DECODER_VERSION: Final = 2
"""Grows when the decoder reads the same bytes differently; the last part of the order."""

STATUSES: Final = ("scheduled", "departed", "arrived", "cancelled", "diverted", "void")
PROBE_CARRIER: Final = "ZZ"
"""Reserved for probes and canaries: left out of every answer unless it is asked for by name."""

CARRIER_PATTERN: Final = r"[A-Z0-9]{2,3}"
AIRPORT_PATTERN: Final = r"[A-Z0-9]{3,4}"
SUFFIX_PATTERN: Final = r"[A-Z]?"
MIN_FLIGHT_DATE: Final = dt.date(1980, 1, 1)
MAX_FLIGHT_DATE: Final = dt.date(2100, 12, 31)
MAX_FLIGHT_NUMBER: Final = 9999
MIN_DELAY_MINUTES: Final = -1440
MAX_DELAY_MINUTES: Final = 10080
MAX_SMALL_INTEGER: Final = 32767
MAX_TAIL_NUMBER_CHARACTERS: Final = 10
MAX_DAYS_FROM_SCHEDULED_DEPARTURE: Final = 7
MAX_EVENT_LEAD: Final = dt.timedelta(hours=24)
"""A clock that runs further ahead than this would win forever."""

_UTC = pa.timestamp("us", tz="UTC")

EVENT_SCHEMA: Final = pa.schema(
    [
        ("flight_date", pa.date32()),
        ("carrier", pa.string()),
        ("flight_number", pa.int32()),
        ("operational_suffix", pa.string()),
        ("origin", pa.string()),
        ("destination", pa.string()),
        ("diverted_to", pa.string()),
        ("scheduled_departure", _UTC),
        ("scheduled_departure_hour", pa.int8()),
        ("scheduled_arrival", _UTC),
        ("actual_departure", _UTC),
        ("actual_arrival", _UTC),
        ("status", pa.string()),
        ("departure_delay_minutes", pa.int32()),
        ("arrival_delay_minutes", pa.int32()),
        ("air_time_minutes", pa.int32()),
        ("distance_km", pa.int32()),
        ("tail_number", pa.string()),
        ("event_time", _UTC),
        ("publish_time", _UTC),
        ("message_id", pa.string()),
        ("message_line", pa.int32()),
        ("decoder_version", pa.int32()),
    ]
)
"""Columns of landed and month files, in this order."""

REJECTED_SCHEMA: Final = pa.schema(
    [
        ("bytes", pa.binary()),
        ("attributes", pa.map_(pa.string(), pa.string())),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("message_id", pa.string()),
        ("message_line", pa.int32()),
        ("publish_time", _UTC),
    ]
)
"""Columns of rejected files: the bytes of the line as they came, and why it could not be used."""

KEY: Final = ("flight_date", "carrier", "flight_number", "operational_suffix", "origin")
"""Identifies a flight."""

ORDER: Final = ("event_time", "publish_time", "message_id", "message_line", "decoder_version")
"""The newest event of a flight has the largest of these, compared left to right, strings by bytes."""

REQUIRED: Final = (*KEY, "destination", "scheduled_departure", "scheduled_departure_hour", "status", *ORDER)
"""Columns that are null in no row of any file."""

COLUMNS: Final = tuple(EVENT_SCHEMA.names)


@dataclass(frozen=True, order=True)
class FlightKey:
    """The key of a flight. Orders like the month files are sorted."""

    flight_date: dt.date
    carrier: str
    flight_number: int
    operational_suffix: str
    origin: str

    @property
    def flight_id(self) -> str:
        """`2013-01-01-UA-1545-EWR`; a suffix follows the number: `1545A`."""
        number = f"{self.flight_number}{self.operational_suffix}"
        return f"{self.flight_date.isoformat()}-{self.carrier}-{number}-{self.origin}"


_FLIGHT_ID = re.compile(
    rf"(\d{{4}}-\d{{2}}-\d{{2}})-({CARRIER_PATTERN})-([1-9][0-9]{{0,3}})({SUFFIX_PATTERN})-({AIRPORT_PATTERN})",
    re.ASCII,
)


def parse_flight_id(text: str) -> FlightKey:
    """The key written in `text`. Raises ValueError when it is not a flight id."""
    match = _FLIGHT_ID.fullmatch(text)
    if match is None:
        raise ValueError("not of the form 2013-01-01-UA-1545-EWR")
    day, carrier, number, suffix, origin = match.groups()
    return FlightKey(dt.date.fromisoformat(day), carrier, int(number), suffix, origin)
