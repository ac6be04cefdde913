"""What an answer may say: bounds from the published events and their acks, in plain Python.

An answer must have the newest event of each flight that was acked before the oldest plan it may be
made from, or a newer one that was published before it ended. It shares no code with the project.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pyarrow.parquet as pq

from tests.verification.crash.events import EPOCH, Event, Line
from tests.verification.crash.record import Journal
from tests.verification.soak.load import Answer
from tests.verification.soak.question import Question

PLAN_MAX_AGE_S: Final = 1.0  # the default of the API

Row = tuple[str, int, int, str]


class Oracle:
    """Checks answers in the order in which they were asked."""

    def __init__(self, sent: dict[bytes, tuple[Line, ...]], journal: Journal) -> None:
        self._sent = sent
        self._journal = journal
        self._acked: list[tuple[float, int]] = []
        """When an ack was seen first, and the message; in this order."""
        self._applied = 0
        self._pending: dict[int, list[Event]] = {}
        """Published, and not known to be in every answer yet."""
        self._moving: defaultdict[str, list[Event]] = defaultdict(list)
        self._floor: dict[str, Event] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        """Of the floor, by date, carrier and status."""

    def read(self, now_s: float) -> None:
        """Takes what was published and acked since the last call."""
        before, seen = set(self._journal.acked), len(self._journal.published)
        self._journal.read()
        for number in list(self._journal.published)[seen:]:
            message = self._journal.published[number]
            lines = enumerate(self._sent[message.data])
            self._pending[number] = [
                Event((line.event_us, message.publish_us, message.message_id.encode(), place), line)
                for place, line in lines
                if line.flight is not None
            ]
            for event in self._pending[number]:
                self._moving[str(event.line.flight)].append(event)
        self._acked += [(now_s, number) for number in sorted(self._journal.acked - before)]

    def late(self, limit_s: float, stored_s: Mapping[str, float]) -> list[tuple[float, float]]:
        """From when to when a message was not stored that had been published `limit_s` before.

        `stored_s`: by message id, when all its lines were in storage. Its ack says less: a message
        that is delivered once more after an ack is acked again.
        """
        found = [
            (message.publish_us / 1e6 + limit_s, stored_s.get(message.message_id, float("inf")))
            for message in self._journal.published.values()
        ]
        return [(from_s, to_s) for from_s, to_s in found if from_s < to_s]

    def check(self, answer: Answer) -> tuple[str, float | None]:
        """What is wrong, or nothing; and the age of the newest event in a list of flights."""
        self._apply(answer.asked_s - PLAN_MAX_AGE_S)
        until_us, question = answer.done_s * 1e6, answer.question
        if answer.kind == "404 There is no such flight" and question.flight is not None:
            return self._wrong_absence(question.flight, until_us), None
        if answer.kind not in ("200", "304"):
            return f"{question.path}: {answer.kind}", None
        if question.groups:
            return self._wrong_counts(question, _table(answer), until_us), None
        found = json.loads(answer.body)
        if question.flight is not None:
            return self._wrong_row(question.flight, found.get("data", found), until_us), None
        rows = {row["flight_id"]: row for row in found["data"]}
        newest_us = max((_microseconds(row["publish_time"]) for row in rows.values()), default=None)
        age_s = None if newest_us is None else answer.done_s - newest_us / 1e6
        if len(rows) != len(found["data"]) or found.get("next_cursor"):
            return f"{question.path}: {len(found['data'])} rows, {len(rows)} flights, or a next page", age_s
        return self._wrong_rows(question, rows, until_us), age_s

    # -- what is known -----------------------------------------------------------------------------

    def _apply(self, until_s: float) -> None:
        """Makes what was acked until then the least that answers must have."""
        while self._applied < len(self._acked) and self._acked[self._applied][0] <= until_s:
            for event in self._pending.pop(self._acked[self._applied][1]):
                flight = str(event.line.flight)
                self._moving[flight].remove(event)
                if not self._moving[flight]:
                    del self._moving[flight]
                old = self._floor.get(flight)
                if old is None or event.order > old.order:
                    if old is not None:
                        self._counts[_cell(old)] -= 1
                    self._floor[flight] = event
                    self._counts[_cell(event)] += 1
            self._applied += 1

    def _possible(self, flight: str, until_us: float) -> list[Event | None]:
        """The states that an answer may show, None for a flight that nothing was known of."""
        floor = self._floor.get(flight)
        newer = [e for e in self._moving.get(flight, ()) if e.order[1] <= until_us]
        return [floor, *(e for e in newer if floor is None or e.order > floor.order)]

    # -- what an answer says -----------------------------------------------------------------------

    def _wrong_absence(self, flight: str, until_us: float) -> str:
        possible = self._possible(flight, until_us)
        return "" if any(map(_is_hidden, possible)) else f"{flight}: not there, and it is {possible[0]}"

    def _wrong_row(self, flight: str, row: dict[str, Any], until_us: float) -> str:
        possible = self._possible(flight, until_us)
        seen = _seen(row)
        is_one = any(event is not None and not _is_hidden(event) and _shown(event) == seen for event in possible)
        return "" if is_one else f"{flight}: {seen}, and it is one of {possible}"

    def _wrong_rows(self, question: Question, rows: dict[str, dict[str, Any]], until_us: float) -> str:
        for flight, row in rows.items():
            if not question.covers(*_date_and_carrier(flight)):
                return f"{question.path}: {flight} was not asked for"
            if wrong := self._wrong_row(flight, row, until_us):
                return wrong
        for flight in self._floor.keys() - rows.keys():
            if question.covers(*_date_and_carrier(flight)) and (wrong := self._wrong_absence(flight, until_us)):
                return wrong
        return ""

    def _wrong_counts(self, question: Question, rows: list[dict[str, Any]], until_us: float) -> str:
        counted = {tuple(str(row[group]) for group in question.groups): int(row["flights"]) for row in rows}
        if len(counted) != len(rows):
            return f"{question.path}: a group is there twice"
        least, most = self._bounds(question, until_us)
        for group in counted.keys() | most.keys():
            found = counted.get(group, 0)
            if not least[group] <= found <= most[group]:
                return f"{question.path}: {found} flights of {group} instead of {least[group]} to {most[group]}"
        # A flight that moves between groups may be in neither's bound: it has to be somewhere.
        least, most = self._bounds(replace(question, groups=()), until_us)
        if not least[()] <= sum(counted.values()) <= most[()]:
            return f"{question.path}: {sum(counted.values())} flights instead of {least[()]} to {most[()]}"
        return ""

    def _bounds(self, question: Question, until_us: float) -> tuple[Counter[Any], Counter[Any]]:
        """How many flights of each group there are at least, and at most."""
        least: Counter[Any] = Counter()
        for cell, count in self._counts.items():
            if question.covers(cell[0], cell[1]) and cell[2] != "void":
                least[_group(question, cell)] += count
        most = least.copy()
        for flight in self._moving:
            if not question.covers(*_date_and_carrier(flight)):
                continue
            floor, *newer = self._possible(flight, until_us)
            if not newer:
                continue
            now = None if floor is None or _is_hidden(floor) else _group(question, _cell(floor))
            groups = {None if _is_hidden(e) else _group(question, _cell(e)) for e in newer if e is not None} | {now}
            if now is not None and groups != {now}:
                least[now] -= 1
            most.update(group for group in groups if group not in (None, now))
        return least, most


def _group(question: Question, cell: tuple[str, str, str]) -> tuple[str, ...]:
    named = {"flight_date": cell[0], "carrier": cell[1], "status": cell[2]}
    return tuple(named[group] for group in question.groups)


def _cell(event: Event) -> tuple[str, str, str]:
    return *_date_and_carrier(str(event.line.flight)), event.line.status


def _date_and_carrier(flight: str) -> tuple[str, str]:
    return flight[:10], flight[11:13]


def _is_hidden(event: Event | None) -> bool:
    return event is None or event.line.status == "void"


def _shown(event: Event) -> Row:
    return event.line.status, event.line.event_us, event.order[1], event.line.mark


def _seen(row: dict[str, Any]) -> Row:
    return row["status"], _microseconds(row["event_time"]), _microseconds(row["publish_time"]), row["tail_number"]


def _microseconds(text: str) -> int:
    return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(microseconds=1)


def _table(answer: Answer) -> list[dict[str, Any]]:
    if answer.question.is_parquet:
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(answer.body)).to_pylist()
    else:
        rows = json.loads(answer.body)["data"]
    return rows
