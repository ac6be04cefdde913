"""Publishers: messages of every kind, and the expected result of each line, without the decoder."""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import dataclass
from typing import Any

from ingest_writer.message import Message
from lakehouse.schema.event import DECODER_VERSION
from tests.verification.simulation.scenario import Scenario

_DATES = (dt.date(2013, 1, 30), dt.date(2013, 1, 31), dt.date(2013, 2, 1), dt.date(2013, 1, 29))  # two months
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STATUSES = ("scheduled", "departed", "arrived", "cancelled", "diverted", "void")
_BAD: tuple[tuple[bytes, str], ...] = ((b"{", "decode"), (b'"text"', "decode"), (b'{"carrier": "UA"}', "validate"))


@dataclass(frozen=True)
class Line:
    """One line of a message. `essence` as in `rows.essence`, None when it must be rejected at `stage`."""

    data: bytes
    essence: tuple[Any, ...] | None
    stage: str = ""


@dataclass(frozen=True)
class Published:
    """A message and its expected result."""

    message: Message
    lines: tuple[Line, ...]


class Publisher:
    """Makes messages."""

    def __init__(self, scenario: Scenario) -> None:
        self._rng = random.Random(f"{scenario.seed} publisher")
        self._flights = [
            (_DATES[i % 4], "ZZ" if i % 5 == 4 else "UA", 1 + i // 4, "", "EWR") for i in range(scenario.flights)
        ]
        self._marks = 0
        self._ids: set[str] = set()
        self._again: list[list[dict[str, Any] | tuple[bytes, str]]] = []

    def message(self, now: dt.datetime) -> Published:
        """The next message, published now."""
        rng = self._rng
        if self._again and rng.random() < 0.15:
            contents = rng.choice(self._again)  # the publisher was not sure, and publishes again
        else:
            contents = self._contents(now)
            self._again.append(contents)
        published = now + dt.timedelta(seconds=rng.choice([0, 0, 0, -5, 5]))
        us = (published - _EPOCH) // dt.timedelta(microseconds=1)
        message_id = self._message_id()
        lines = tuple(_line(content, us, message_id, number) for number, content in enumerate(contents))
        message = Message("", b"\n".join(line.data for line in lines), {"of": "simulation"}, message_id, us)
        return Published(message, lines)

    def _message_id(self) -> str:
        """Ids of different lengths, whose order by bytes is not that of their numbers."""
        while True:
            message_id = str(self._rng.randrange(1, 10 ** self._rng.randint(2, 5)))
            if message_id not in self._ids:
                self._ids.add(message_id)
                return message_id

    def _contents(self, now: dt.datetime) -> list[dict[str, Any] | tuple[bytes, str]]:
        rng = self._rng
        kind = rng.choice(["one", "one", "one", "many", "same flight", "some bad"])
        if kind == "one":
            return [self._event(rng.choice(self._flights), self._event_time(now))]
        if kind == "same flight":
            flight, time = rng.choice(self._flights), self._event_time(now)
            return [self._event(flight, time) for _ in range(rng.randint(2, 4))]
        events: list[dict[str, Any] | tuple[bytes, str]] = [
            self._event(rng.choice(self._flights), self._event_time(now)) for _ in range(rng.randint(2, 5))
        ]
        if kind == "some bad":
            events[rng.randrange(len(events))] = rng.choice(_BAD)
            events.append(self._event(rng.choice(self._flights), now + dt.timedelta(days=3)))  # a clock far ahead
        return events

    def _event_time(self, now: dt.datetime) -> dt.datetime:
        """Mostly a moment ago; also late, in whole minutes (ties), or by a clock that is hours off."""
        rng = self._rng
        kind = rng.choice(["now", "now", "late", "tie", "wrong"])
        if kind == "tie":
            return now.replace(minute=0, second=0, microsecond=0)
        seconds = {"now": rng.uniform(0, 2), "late": rng.uniform(0, 60), "wrong": rng.uniform(-80_000, 80_000)}[kind]
        return now - dt.timedelta(seconds=seconds)

    def _event(self, flight: tuple[Any, ...], event_time: dt.datetime) -> dict[str, Any]:
        self._marks += 1
        date, carrier, number, _, origin = flight
        return {
            "flight_date": date.isoformat(),
            "carrier": carrier,
            "flight_number": number,
            "origin": origin,
            "destination": "IAH",
            "scheduled_departure": f"{date.isoformat()}T05:15:00-05:00",
            "status": self._rng.choice(_STATUSES),
            "event_time": event_time.isoformat(),
            "tail_number": f"E{self._marks}",
        }


def _line(content: dict[str, Any] | tuple[bytes, str], published_us: int, message_id: str, number: int) -> Line:
    if isinstance(content, tuple):
        return Line(content[0], None, content[1])
    data = json.dumps(content).encode()
    event_us = (dt.datetime.fromisoformat(content["event_time"]) - _EPOCH) // dt.timedelta(microseconds=1)
    if event_us - published_us > 24 * 3600 * 1_000_000:
        return Line(data, None, "validate")
    date = dt.date.fromisoformat(content["flight_date"])
    flight = (date, content["carrier"], content["flight_number"], "", content["origin"])
    order = (event_us, published_us, message_id.encode(), number, DECODER_VERSION)
    return Line(data, (flight, order, content["status"], content["tail_number"]))
