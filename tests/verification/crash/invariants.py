"""Invariants: acked events are durable, answers have the newest of them and only published ones."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from tests.verification.crash.events import Event, Line, microseconds, newest
from tests.verification.crash.publisher import Publisher
from tests.verification.crash.record import Journal, Message, Objects, Place

_PAGE = 150  # a few pages for all flights
_CARRIERS = ("AA", "UA", "ZZ")  # ZZ is left out unless it is asked for by name
_SHOWN = 5


class InvariantViolated(Exception):
    """An invariant is violated; the message has the actual and the expected state."""


class Invariants:
    """Compares the API's answers with the publisher's record and the server's disk."""

    def __init__(self, publisher: Publisher, journal: Journal, objects: Objects, api: httpx.Client) -> None:
        self._publisher = publisher
        self._journal = journal
        self._objects = objects
        self._api = api

    def check_acked(self) -> int:
        """At any moment: all acked events, and only published ones. Returns the acked messages."""
        self._journal.read()
        acked = [self._journal.published[number] for number in sorted(self._journal.acked)]
        self._check_durable(acked)
        least = newest(self._events(acked))
        rows = self._flights()
        self._journal.read()  # the answer holds only events published before
        published: dict[tuple[str | None, str, int], Event] = {}
        for event in self._events(self._journal.published.values()):
            same = event.line.flight, event.line.mark, event.order[1]
            if same not in published or event.order > published[same].order:  # a duplicate has another id
                published[same] = event
        for flight, row in rows.items():
            found = published.get((flight, row["tail_number"], _microseconds(row["publish_time"])))
            if found is None:
                raise InvariantViolated(f"{flight}: nobody published {row}")
            _expect(_shown(found) == _seen(row), f"{flight}: {_seen(row)} instead of {_shown(found)}")
            acked_one = least.get(flight)  # none: what landed and is not acked may be seen already
            _expect(acked_one is None or found.order >= acked_one.order, f"{flight}: older than {acked_one}")
        voids: dict[str, Event] = newest(e for e in published.values() if e.line.status == "void")
        for flight, event in least.items():
            withdrawn = flight in voids and voids[flight].order >= event.order
            _expect(flight in rows or withdrawn, f"{flight}: not there, its newest acked event is {event}")
        return len(acked)

    def difference(self) -> str:
        """How the answers differ from the newest of all that was published; nothing if they are equal."""
        self._journal.read()
        states = newest(self._events(self._journal.published.values()))
        wanted = {f: _shown(e) for f, e in states.items() if e.line.status != "void"}
        found = {flight: _seen(row) for flight, row in self._flights().items()}
        wrong = [f for f in wanted.keys() | found.keys() if wanted.get(f) != found.get(f)]
        if wrong:
            named = [f"{f}: {found.get(f)} instead of {wanted.get(f)}" for f in sorted(wrong)[:_SHOWN]]
            return f"{len(wrong)} of {len(wanted)} flights: {'; '.join(named)}"
        counts = Counter((f.split("-")[3], status) for f, (status, *_) in wanted.items())
        counted = {(row["carrier"], row["status"]): row["flights"] for row in self._counts()}
        return "" if counted == counts else f"statistics count {counted} instead of {dict(counts)}"

    def unacked(self) -> int:
        self._journal.read()
        return len(self._journal.published) - len(self._journal.acked)

    def check_settled(self) -> None:
        """When everything is acked: the objects are right, and the API can read all of them."""
        self.check_objects()
        lake = self._get("/v1/lake")
        _expect(lake["unreadable"] == [], f"unreadable: {lake['unreadable']}")

    def check_objects(self) -> None:
        """When everything is acked: every line landed or was rejected, as it should, and nothing else was."""
        self._journal.read()
        messages = self._journal.published.values()
        held = {message.message_id: message.data for message in messages}
        lost = [i for i, data in self._publisher.answered.items() if held.get(i) != data]
        _expect(not lost, f"the Pub/Sub server lost {len(lost)} messages, {lost[:_SHOWN]}")
        self._check_durable(messages)
        places = {True: set[Place](), False: set[Place]()}
        for message in messages:
            for number, line in enumerate(self._publisher.sent[message.data]):
                places[line.flight is not None].add((message.message_id, number))
        for what, found, wanted in (
            ("landed", self._objects.landed, places[True]),
            ("rejected", self._objects.rejected, places[False]),
        ):
            _expect(found == wanted, f"{what} and should not have been: {sorted(found - wanted)[:_SHOWN]}")

    def tail_files(self) -> int:
        return int(self._get("/v1/lake")["tail"]["files"])

    def _check_durable(self, messages: Any) -> None:
        self._objects.look()
        for message in messages:
            for number, line in enumerate(self._lines(message)):
                objects = self._objects.rejected if line.flight is None else self._objects.landed
                _expect((message.message_id, number) in objects, f"acked, in no object: {message}, line {number}")

    def _events(self, messages: Any) -> Iterator[Event]:
        for message in messages:
            for number, line in enumerate(self._lines(message)):
                order = (line.event_us, message.publish_us, message.message_id.encode(), number)
                if line.flight is not None:
                    yield Event(order, line)

    def _lines(self, message: Message) -> tuple[Line, ...]:
        lines = self._publisher.sent.get(message.data)
        if lines is None:
            raise InvariantViolated(f"nobody published {message}")
        return lines

    def _flights(self) -> dict[str, dict[str, Any]]:
        """All pages; no flight twice."""
        rows: dict[str, dict[str, Any]] = {}
        parameters: dict[str, Any] = {"limit": _PAGE, "carrier": _CARRIERS}
        while True:
            page = self._get("/v1/flights", parameters)
            for row in page["data"]:
                _expect(row["flight_id"] not in rows, f"{row['flight_id']} is there twice")
                rows[row["flight_id"]] = row
            if not page.get("next_cursor"):
                return rows
            parameters["cursor"] = page["next_cursor"]

    def _counts(self) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self._get("/v1/stats", {"group_by": "carrier,status", "carrier": _CARRIERS})[
            "data"
        ]
        return data

    def _get(self, path: str, parameters: Any = None) -> Any:
        response = self._api.get(path, params=parameters)
        _expect(response.status_code == 200, f"{response.url}: {response.status_code} {response.text}")
        return response.json()


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvariantViolated(otherwise)


def _shown(event: Event) -> tuple[str, int, int, str]:
    return event.line.status, event.line.event_us, event.order[1], event.line.mark


def _seen(row: dict[str, Any]) -> tuple[str, int, int, str]:
    return row["status"], _microseconds(row["event_time"]), _microseconds(row["publish_time"]), row["tail_number"]


def _microseconds(text: str) -> int:
    return microseconds(dt.datetime.fromisoformat(text))
