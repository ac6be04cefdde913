"""Random flights as rows of our own files, from Hawaii to New Zealand, with remarks that are hard to quote."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from lakehouse.schema.event import EVENT_SCHEMA, STATUSES
from tests._support.lakes.rows import Row

ZONES = {
    "EWR": "America/New_York",
    "PHX": "America/Phoenix",
    "HNL": "Pacific/Honolulu",
    "LHR": "Europe/London",
    "DEL": "Asia/Kolkata",
    "KTM": "Asia/Kathmandu",
    "AKL": "Pacific/Auckland",
    "APW": "Pacific/Apia",
}
_DAYS = (dt.date(2013, 3, 10), dt.date(2013, 7, 1), dt.date(2013, 11, 3), dt.date(2013, 12, 31))
_REMARKS = (
    'say "late"',
    "a,b",
    "a;b|c\td",
    "line\nbreak",
    "back\\slash",
    'quote\\"',
    "'",
    '"',
    "",
    "ü 漢 🛫",
    " spaces ",
)

SCHEMA = EVENT_SCHEMA.append(pa.field("remarks", pa.string()))


def flights(random_: random.Random, count: int) -> list[Row]:
    """Rows of SCHEMA, each flight once."""
    return [_flight(random_, number) for number in range(1, count + 1)]


def _flight(random_: random.Random, number: int) -> Row:
    origin = random_.choice(list(ZONES))
    day = random_.choice(_DAYS)
    local = dt.datetime.combine(day, dt.time(random_.randrange(24), random_.randrange(60)), ZoneInfo(ZONES[origin]))
    departure = local.astimezone(dt.UTC)

    def some(value: Any) -> Any:
        return value if random_.random() < 0.6 else None

    def later(most_minutes: int) -> dt.datetime:
        return departure + dt.timedelta(minutes=random_.randrange(most_minutes), microseconds=random_.randrange(10**6))

    return {
        "flight_date": day,
        "carrier": random_.choice(("UA", "B6", "99", "ABC")),
        "flight_number": number,
        "operational_suffix": random_.choice(("", "", "A")),
        "origin": origin,
        "destination": random_.choice(("IAH", "007", "KJFK")),
        "diverted_to": some("DFW"),
        "scheduled_departure": departure,
        "scheduled_departure_hour": departure.astimezone(ZoneInfo(ZONES[origin])).hour,
        "scheduled_arrival": some(later(600)),
        "actual_departure": None,
        "actual_arrival": None,
        "status": random_.choice(STATUSES),
        "departure_delay_minutes": some(random_.randrange(-20, 300)),
        "arrival_delay_minutes": some(random_.randrange(-20, 300)),
        "air_time_minutes": some(random_.randrange(600)),
        "distance_km": some(random_.randrange(15_000)),
        "tail_number": some(random_.choice(("N14228", "007", "G-ABCD"))),
        "event_time": later(60) - dt.timedelta(days=1),
        "publish_time": departure,
        "message_id": str(number),
        "message_line": 0,
        "decoder_version": 2,
        "remarks": random_.choice(_REMARKS),
    }


def with_offsets(row: Row) -> Row:
    """The row as a publisher writes it: times as text, the departure with its origin's offset, no columns of ours."""
    own = ("scheduled_departure_hour", "publish_time", "message_id", "message_line", "decoder_version")
    zone = ZoneInfo(ZONES[row["origin"]])
    texts = {name: value.isoformat() for name, value in row.items() if isinstance(value, dt.date)}
    departure = row["scheduled_departure"].astimezone(zone).isoformat()
    return {k: v for k, v in (row | texts | {"scheduled_departure": departure}).items() if k not in own}


def table(rows: list[Row]) -> pa.Table:
    """The rows as columns."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)
