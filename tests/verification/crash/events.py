"""Published events and their expected state: newest wins in plain Python, without project code."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DATES = (dt.date(2013, 1, 31), dt.date(2013, 2, 1), dt.date(2013, 2, 2))  # two months
FLIGHTS_A_DATE = 70  # few, so that most events compete with others
CARRIERS = ("AA", "UA", "ZZ")
_STATUSES = ("scheduled", "departed", "arrived", "cancelled", "diverted", "void")
_LINES = 12  # at most, in a message
_BAD = 0.03

Order = tuple[int, int, bytes, int]


@dataclass(frozen=True)
class Line:
    """A line of a message. `flight` is its flight's id, None when the line must be rejected; `mark` is its own."""

    data: bytes
    flight: str | None = None
    event_us: int = 0
    status: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Event:
    """A published event: the values that order it, and the values that the API must show."""

    order: Order
    line: Line


class Maker:
    """Makes messages from a seed."""

    def __init__(self, rng: random.Random, flights_a_date: int = FLIGHTS_A_DATE) -> None:
        self._rng = rng
        self._flights_a_date = flights_a_date
        self._marks = 0

    def message(self, now: dt.datetime) -> tuple[Line, ...]:
        lines = [self._line(now) for _ in range(self._rng.randint(1, _LINES))]
        if self._rng.random() < 0.2:  # twice the same flight at the same time: the later line is newer
            lines.append(self._event(now.replace(microsecond=0), self._rng.randrange(self._flights_a_date)))
            lines.append(self._event(now.replace(microsecond=0), self._rng.randrange(self._flights_a_date)))
        return tuple(lines)

    def _line(self, now: dt.datetime) -> Line:
        if self._rng.random() < _BAD:
            self._marks += 1
            return Line(self._rng.choice((f"{{{self._marks}", f'{{"carrier": "UA", "n": {self._marks}}}')).encode())
        # Whole seconds, a few of them: many events tie, and publish time or message id decide.
        time = now.replace(microsecond=0) - dt.timedelta(seconds=self._rng.randrange(4))
        return self._event(time, self._rng.randrange(self._flights_a_date))

    def _event(self, time: dt.datetime, number: int) -> Line:
        self._marks += 1
        date, carrier = self._rng.choice(DATES), CARRIERS[number % 3]
        event: dict[str, Any] = {
            "flight_date": date.isoformat(),
            "carrier": carrier,
            "flight_number": number + 1,
            "origin": "EWR",
            "destination": "IAH",
            "scheduled_departure": f"{date}T05:15:00-05:00",
            "status": self._rng.choice(_STATUSES),
            "event_time": time.isoformat(),
            "tail_number": f"E{self._marks}",
        }
        flight = f"{date}-{carrier}-{number + 1}-EWR"
        return Line(json.dumps(event).encode(), flight, microseconds(time), event["status"], event["tail_number"])


def newest(events: Iterable[Event]) -> dict[str, Event]:
    """By flight, void ones included."""
    found: dict[str, Event] = {}
    for event in events:
        flight = event.line.flight
        if flight is not None and (flight not in found or event.order > found[flight].order):
            found[flight] = event
    return found


def microseconds(time: dt.datetime) -> int:
    return (time - EPOCH) // dt.timedelta(microseconds=1)
