"""The oracle passes what may be answered, and nothing else."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from google import pubsub_v1

from tests.verification.crash.events import Line, microseconds
from tests.verification.crash.record import Journal
from tests.verification.soak.load import Answer
from tests.verification.soak.oracle import PLAN_MAX_AGE_S, Oracle
from tests.verification.soak.question import Question

BEGAN = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
BEGAN_S = BEGAN.timestamp()
FLIGHT = "2013-01-31-UA-1-EWR"
OTHER = "2013-01-31-UA-2-EWR"
ONE = Question(f"/v1/flights/{FLIGHT}", flight=FLIGHT)
LIST = Question("/v1/flights?carrier=UA", carriers=("UA",))
COUNTS = Question("/v1/stats?group_by=status", groups=("status",))
_Message: Any = pubsub_v1.PubsubMessage.pb()


class Published:
    """Events of which each is a message of its own, published at a second after the beginning."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal"
        self._journal.touch()
        self._sent: dict[bytes, tuple[Line, ...]] = {}
        self.oracle = Oracle(self._sent, Journal(self._journal))

    def publish(self, number: int, flight: str, status: str, at_s: float) -> None:
        time = BEGAN + dt.timedelta(seconds=at_s)
        self._sent[b"%d" % number] = (Line(b"", flight, microseconds(time), status, f"E{number}"),)
        message = _Message(data=b"%d" % number, message_id=str(number))
        message.publish_time.FromDatetime(time)
        self._append(["publish", ["s"], number, [base64.b64encode(message.SerializeToString()).decode()]])

    def ack(self, number: int, at_s: float) -> None:
        self._append(["ack", "s", [number]])
        self.oracle.read(BEGAN_S + at_s)

    def _append(self, record: list[Any]) -> None:
        with self._journal.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def wrong(self, question: Question, found: Any, *, asked_s: float = 10.0, kind: str = "200") -> str:
        self.oracle.read(BEGAN_S + 100.0)
        body = json.dumps(found).encode()
        return self.oracle.check(Answer(question, BEGAN_S + asked_s, BEGAN_S + asked_s + 1.0, kind, body))[0]


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """E1 was acked, E2 of the same flight came later and was not."""
    made = Published(tmp_path)
    made.publish(1, FLIGHT, "scheduled", 0.0)
    made.ack(1, 1.0)
    made.publish(2, FLIGHT, "departed", 5.0)
    return made


def row(number: int, status: str, at_s: float, flight: str = FLIGHT) -> dict[str, Any]:
    time = (BEGAN + dt.timedelta(seconds=at_s)).isoformat()
    named = {"flight_id": flight, "status": status, "tail_number": f"E{number}"}
    return {**named, "event_time": time, "publish_time": time}


OLD, NEW = row(1, "scheduled", 0.0), row(2, "departed", 5.0)


@pytest.mark.parametrize("found", [OLD, NEW])
def test_what_was_acked_or_is_newer_may_be_answered(published: Published, found: dict[str, Any]) -> None:
    assert published.wrong(ONE, found) == ""
    assert published.wrong(LIST, {"data": [found]}) == ""
    assert published.wrong(COUNTS, {"data": [{"status": found["status"], "flights": 1}]}) == ""


def test_an_older_state_than_one_that_was_acked_is_wrong(published: Published) -> None:
    published.ack(2, 6.0)
    assert published.wrong(ONE, NEW) == ""
    assert FLIGHT in published.wrong(ONE, OLD)
    assert FLIGHT in published.wrong(LIST, {"data": [OLD]})
    assert published.wrong(COUNTS, {"data": [{"status": "scheduled", "flights": 1}]}) != ""


def test_a_plan_may_be_as_old_as_its_setting_says(published: Published) -> None:
    published.ack(2, 6.0)
    assert published.wrong(ONE, OLD, asked_s=6.0 + PLAN_MAX_AGE_S - 0.1) == ""
    assert published.wrong(ONE, OLD, asked_s=6.0 + PLAN_MAX_AGE_S + 0.1) != ""


def test_an_event_of_after_the_answer_is_wrong(published: Published) -> None:
    published.publish(3, FLIGHT, "arrived", 11.5)
    assert published.wrong(ONE, row(3, "arrived", 11.5)) != ""
    assert published.wrong(ONE, row(3, "arrived", 11.5), asked_s=11.0) == ""


def test_an_answer_without_what_was_acked_is_wrong(published: Published) -> None:
    assert FLIGHT in published.wrong(ONE, {}, kind="404 There is no such flight")
    assert FLIGHT in published.wrong(LIST, {"data": []})
    assert published.wrong(COUNTS, {"data": []}) != ""


def test_what_may_have_been_withdrawn_may_be_missing(published: Published) -> None:
    published.publish(3, FLIGHT, "void", 6.0)
    assert published.wrong(ONE, {}, kind="404 There is no such flight") == ""
    assert published.wrong(LIST, {"data": []}) == ""
    assert published.wrong(COUNTS, {"data": []}) == ""
    published.ack(3, 7.0)
    assert published.wrong(ONE, OLD) != ""


def test_what_nobody_published_is_wrong(published: Published) -> None:
    assert published.wrong(ONE, row(9, "scheduled", 0.0)) != ""
    assert OTHER in published.wrong(LIST, {"data": [OLD, row(1, "scheduled", 0.0, OTHER)]})
    assert published.wrong(COUNTS, {"data": [{"status": "scheduled", "flights": 2}]}) != ""
    assert published.wrong(LIST, {"data": [OLD, OLD]}) != ""


def test_another_answer_than_one_of_data_is_wrong(published: Published) -> None:
    assert "422" in published.wrong(ONE, {}, kind="422 Invalid parameter")


def test_a_message_that_is_stored_late_is_late_from_the_limit_on(published: Published) -> None:
    published.oracle.read(BEGAN_S + 60.0)
    stored_s = {"1": BEGAN_S + 9.0, "2": BEGAN_S + 30.0}
    assert published.oracle.late(10.0, stored_s) == [(BEGAN_S + 15.0, BEGAN_S + 30.0)]
    assert published.oracle.late(10.0, {"1": BEGAN_S + 9.0}) == [(BEGAN_S + 15.0, float("inf"))]
