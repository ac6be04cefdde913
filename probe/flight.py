"""The flight that a probe publishes: carrier ZZ, which answers leave out unless asked for it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import string
from dataclasses import dataclass

_CHARACTERS = string.digits + string.ascii_uppercase
DELAY_MINUTES = 7
CANARY_ORIGIN = "ZZZ"  # three characters: no flight of a deploy's probe, which has four, is a canary's


@dataclass(frozen=True)
class ProbeFlight:
    """One flight in one state."""

    flight_number: int
    operational_suffix: str
    origin: str
    tail_number: str
    at: dt.datetime
    """Its event time, UTC, and to the second its scheduled departure."""

    @property
    def flight_date(self) -> dt.date:
        return self.at.date()

    @property
    def flight_id(self) -> str:
        return f"{self.flight_date}-ZZ-{self.flight_number}{self.operational_suffix}-{self.origin}"

    def event(self) -> dict[str, str | int]:
        """As a publisher sends it."""
        departure = self.at.replace(microsecond=0)
        return {
            "flight_date": self.flight_date.isoformat(),
            "carrier": "ZZ",
            "flight_number": self.flight_number,
            "operational_suffix": self.operational_suffix,
            "origin": self.origin,
            "destination": "ZZY",
            "scheduled_departure": departure.isoformat(),
            "actual_departure": (departure + dt.timedelta(minutes=DELAY_MINUTES)).isoformat(),
            "status": "departed",
            "tail_number": self.tail_number,
            "distance_km": 1,
            "event_time": self.at.isoformat(timespec="microseconds"),
        }

    def message(self) -> bytes:
        return json.dumps(self.event()).encode()


def flight_of_build(build_id: str, now: dt.datetime) -> ProbeFlight:
    """The flight of one build: the same for a second run of it on that day, another one for any other build.

    Number, suffix and origin are a hash of the id: one in 12 billion, so two builds at once do not meet.
    """
    number = int.from_bytes(hashlib.sha256(build_id.encode()).digest()[:16], "big")
    number, flight_number = divmod(number, 9999)
    number, suffix = divmod(number, 26)
    origin = ""
    for _ in range(4):
        number, position = divmod(number, len(_CHARACTERS))
        origin += _CHARACTERS[position]
    tail = "".join(c for c in build_id if c.isascii() and c.isalnum())[:10]
    return ProbeFlight(flight_number + 1, string.ascii_uppercase[suffix], origin, tail, now)


def flight_of_minute(now: dt.datetime) -> ProbeFlight:
    """The canary of a minute: one flight for each of the day's, so that a month has 43,200."""
    return flight_of_number(now.hour * 60 + now.minute + 1, now)


def flight_of_number(number: int, now: dt.datetime) -> ProbeFlight:
    """A canary that others of the same day differ from by their `number`, 1 to 9999."""
    return ProbeFlight(number, "", CANARY_ORIGIN, "canary", now)
