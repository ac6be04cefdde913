"""The event: the table of its fields, the columns that come from it, the key and the order.

`FIELDS` is the contract. The Arrow schema, the JSON Schema, the decoders' limits, documents, column
comments and the API's description of a flight come from it. Knows nothing of storage, messages or
SQL engines.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

import pyarrow as pa

from lakehouse.schema.fields import Date, Field, Integer, Text, Time

FORMAT_VERSION: Final = 2
"""Version of the Parquet columns and of snapshots. Code that meets a newer one refuses it.

2: a month is several files, and the rows that no answer shows are in files of their own (no new column)."""

DECODER_VERSION: Final = 3
"""Grows when the decoder reads the same bytes differently; the last part of the order."""

Status = Literal["scheduled", "departed", "arrived", "cancelled", "diverted", "void"]
STATUSES: Final[tuple[str, ...]] = get_args(Status)
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
MIN_COMPUTED_DELAY_MINUTES: Final = -180
MAX_COMPUTED_DELAY_MINUTES: Final = 4320
"""Nobody leaves three hours early or arrives after three days: such times did not pass midnight, or
are of another day. A publisher that means it says the delay."""

MAX_TAIL_NUMBER_CHARACTERS: Final = 10
TAIL_NUMBER_PATTERN: Final = rf"[A-Za-z0-9-]{{1,{MAX_TAIL_NUMBER_CHARACTERS}}}"
MAX_DAYS_FROM_SCHEDULED_DEPARTURE: Final = 7
MAX_EVENT_LEAD: Final = dt.timedelta(hours=24)
"""A clock that runs further ahead than this would win forever."""
MAX_MESSAGE_DATES: Final = 400
"""Flight dates of one message: a season's schedule (a year and its margins) fits. Each is an object
that a writer stores and a reader opens, and a message lands whole."""


_MAX_INT32: Final = 2**31 - 1

FIELDS: Final[tuple[Field, ...]] = (
    Date(
        "flight_date",
        description="Local date of the first scheduled departure.",
        rules="Never changes, even if the flight is rescheduled."
        f" At most {MAX_DAYS_FROM_SCHEDULED_DEPARTURE} days from the local date of scheduled_departure.",
        required=True,
        minimum=MIN_FLIGHT_DATE,
        maximum=MAX_FLIGHT_DATE,
        example="2013-01-01",
    ),
    Text(
        "carrier",
        description="Code of the operating carrier.",
        rules=f"Codeshare numbers are not events. {PROBE_CARRIER} is reserved for probes.",
        required=True,
        pattern=CARRIER_PATTERN,
        example="UA",
    ),
    Integer(
        "flight_number",
        description="Flight number, without the operational suffix.",
        required=True,
        minimum=1,
        maximum=MAX_FLIGHT_NUMBER,
        example=1545,
    ),
    Text(
        "operational_suffix",
        description="Letter that follows the flight number; empty if there is none.",
        pattern=SUFFIX_PATTERN,
        default="",
        example="",
    ),
    Text(
        "origin",
        description="Code of the departure airport.",
        required=True,
        pattern=AIRPORT_PATTERN,
        example="EWR",
    ),
    Text(
        "destination",
        description="Code of the planned arrival airport.",
        required=True,
        pattern=AIRPORT_PATTERN,
        example="IAH",
    ),
    Text(
        "diverted_to",
        description="Code of the airport where the flight landed, if it was diverted.",
        pattern=AIRPORT_PATTERN,
        example="DFW",
    ),
    Time(
        "scheduled_departure",
        description="Scheduled departure time.",
        rules="Written with the UTC offset of the origin, which gives the local hour of departure;"
        " -00:00, an offset that nobody knows (RFC 3339, 4.3), is none.",
        required=True,
        example="2013-01-01T10:15:00Z",
    ),
    Integer(
        "scheduled_departure_hour",
        description="Local hour of the scheduled departure, from 0 to 23.",
        from_publisher=False,
        minimum=0,
        maximum=23,
        bits=8,
        example=5,
    ),
    Time(
        "scheduled_arrival",
        description="Scheduled arrival time.",
        rules="Any UTC offset. Not before scheduled_departure.",
        example="2013-01-01T13:19:00Z",
    ),
    Time(
        "actual_departure",
        description="Actual departure time.",
        rules="Any UTC offset.",
        example="2013-01-01T10:17:00Z",
    ),
    Time(
        "actual_arrival",
        description="Actual arrival time.",
        rules="Any UTC offset. Not before actual_departure.",
        example="2013-01-01T13:30:00Z",
    ),
    Text(
        "status",
        description="Status of the flight.",
        rules="The status void withdraws a flight that should not exist.",
        required=True,
        choices=STATUSES,
        example="diverted",
    ),
    Integer(
        "departure_delay_minutes",
        description="Departure delay in minutes; negative means early.",
        rules="If absent, it is actual_departure minus scheduled_departure, rounded down to whole minutes,"
        " when both are known; then"
        f" {MIN_COMPUTED_DELAY_MINUTES} to {MAX_COMPUTED_DELAY_MINUTES:,}.",
        minimum=MIN_DELAY_MINUTES,
        maximum=MAX_DELAY_MINUTES,
        unit="minutes",
        example=2,
    ),
    Integer(
        "arrival_delay_minutes",
        description="Arrival delay in minutes; negative means early.",
        rules="If absent, it is actual_arrival minus scheduled_arrival, rounded down to whole minutes,"
        " when both are known; then"
        f" {MIN_COMPUTED_DELAY_MINUTES} to {MAX_COMPUTED_DELAY_MINUTES:,}.",
        minimum=MIN_DELAY_MINUTES,
        maximum=MAX_DELAY_MINUTES,
        unit="minutes",
        example=11,
    ),
    Integer(
        "air_time_minutes",
        description="Time in the air in minutes, from takeoff to landing.",
        minimum=0,
        maximum=MAX_SMALL_INTEGER,
        unit="minutes",
        example=227,
    ),
    Integer(
        "distance_km",
        description="Distance from origin to destination in kilometres.",
        minimum=0,
        maximum=MAX_SMALL_INTEGER,
        unit="kilometres",
        example=2253,
    ),
    Text(
        "tail_number",
        description="Registration of the aircraft.",
        pattern=TAIL_NUMBER_PATTERN,
        is_freer_in_old_rows=True,  # 1 to 10 characters of any kind, until decoder 3
        example="N14228",
    ),
    Time(
        "event_time",
        description="Time at which the publisher knew this state.",
        rules="The event with the latest one is the state of the flight."
        f" At most {MAX_EVENT_LEAD // dt.timedelta(hours=1)} hours after the message is published.",
        required=True,
        example="2013-01-01T13:31:00Z",
    ),
    Time(
        "publish_time",
        description="Time at which the message was published.",
        from_publisher=False,
        example="2013-01-01T13:31:00.250000Z",
    ),
    Text(
        "message_id",
        description="ID of the message that the event arrived in.",
        from_publisher=False,
        in_api=False,
        example="1234567890",
    ),
    Integer(
        "message_line",
        description="Number of the event's line in its message, starting at 0.",
        from_publisher=False,
        in_api=False,
        minimum=0,
        maximum=_MAX_INT32,
        example=1,
    ),
    Integer(
        "decoder_version",
        description="Version of the decoder that read the event.",
        from_publisher=False,
        in_api=False,
        minimum=1,
        maximum=_MAX_INT32,
        example=DECODER_VERSION,
    ),
)
"""Columns of landed and month files, in this order. Columns are only ever added: see CONTRIBUTING.md."""

FIELD: Final = {field.name: field for field in FIELDS}
"""The fields by name."""

EVENT_SCHEMA: Final = pa.schema([(field.name, field.arrow_type) for field in FIELDS])
"""Columns of landed and month files as Arrow has them."""

REJECTED_SCHEMA: Final = pa.schema(
    [
        ("bytes", pa.binary()),
        ("attributes", pa.map_(pa.string(), pa.string())),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("message_id", pa.string()),
        ("message_line", pa.int32()),
        ("publish_time", pa.timestamp("us", tz="UTC")),
    ]
)
"""Columns of rejected files: the bytes of the line as they came, and why it could not be used."""

KEY: Final = ("flight_date", "carrier", "flight_number", "operational_suffix", "origin")
"""Identifies a flight."""

ORDER: Final = ("event_time", "publish_time", "message_id", "message_line", "decoder_version")
"""The newest event of a flight has the largest of these, compared left to right, strings by bytes."""

REQUIRED: Final = tuple(field.name for field in FIELDS if not field.is_nullable)
"""Columns that are null in no row of any file."""

COLUMNS: Final = tuple(FIELD)


@dataclass(frozen=True, order=True)
class FlightKey:
    """The key of a flight. Its order is the sort order of month files."""

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


FLIGHT_ID_PATTERN: Final = (
    "([0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
    f"-({CARRIER_PATTERN})-([1-9][0-9]{{0,3}})({SUFFIX_PATTERN})-({AIRPORT_PATTERN})"
)
"""Date, carrier, number, suffix and origin, as groups."""

_FLIGHT_ID = re.compile(FLIGHT_ID_PATTERN, re.ASCII)


def parse_flight_id(text: str) -> FlightKey:
    """The key written in `text`. Raises ValueError when it is not a flight id."""
    match = _FLIGHT_ID.fullmatch(text)
    if match is None:
        raise ValueError("not of the form 2013-01-01-UA-1545-EWR")
    day, carrier, number, suffix, origin = match.groups()
    return FlightKey(dt.date.fromisoformat(day), carrier, int(number), suffix, origin)
