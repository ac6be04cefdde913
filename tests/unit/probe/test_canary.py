"""The canary of a minute: good when it is visible exactly once, and a line for the log in any case."""

from __future__ import annotations

import json

import pytest

from probe.canary import Canary, send_canary
from probe.errors import ProbeFailedError
from probe.flight import flight_of_minute
from probe.service import Answer
from tests._support.api.fake import NOW, FakePublisher, FakeService, Lies, changed, ok, problem


def canary(lies: Lies) -> Canary:
    published = FakePublisher()
    return send_canary(FakeService(lies, published.last), published, flight_of_minute(NOW))


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"/v1/flight": problem(504, "not yet")}, "not visible: 504 from http://service/x"),
        ({"/v1/stats": changed(flights=2)}, "counted 2 times"),
        ({"/v1/stats": changed(flights=0)}, "counted 0 times"),
        ({"/v1/stats": Answer("u", 200, "text/html", {}, "<html>")}, "expected JSON"),
    ],
)
def test_canary_is_bad_when_it_is_not_visible_exactly_once(lies: Lies, why: str) -> None:
    seen = canary(lies)
    assert not seen.good
    assert why in seen.why
    assert json.loads(seen.line())["severity"] == "ERROR"


def test_canary_is_bad_when_it_cannot_be_published() -> None:
    class Refused(FakePublisher):
        def publish(self, message: bytes) -> str:
            raise ProbeFailedError("expected the topic to take a message; saw 403")

    seen = send_canary(FakeService({}, lambda: ""), Refused(), flight_of_minute(NOW))
    assert not seen.good
    assert seen.why == "expected the topic to take a message; saw 403"
    assert seen.snapshot is None


_LAKE = {
    "snapshot": 7,
    "tail": {"files": 2, "rows": 30},
    "rejected": {"files": 1},
    "unreadable": ["landing/a", "landing/b"],
}


def test_the_line_of_a_good_canary_has_what_the_lake_looks_like() -> None:
    lake = Answer("http://service/v1/lake", 200, "application/json", {}, json.dumps(_LAKE))
    line = json.loads(canary({"/v1/lake": lake}).line())
    assert line["severity"] == "INFO"
    assert line["message"].startswith("canary: visible exactly once after ")
    seen = line["canary"]
    assert seen["good"] is True
    numbers = ("snapshot", "tail_files", "tail_rows", "rejected_files", "unreadable")
    assert [seen[name] for name in numbers] == [7, 2, 30, 1, 2]


@pytest.mark.parametrize("lake", [problem(503, "storage"), ok({}), Answer("u", 200, "text/html", {}, "<html>")])
def test_numbers_that_the_lake_does_not_tell_are_left_out_and_the_canary_stays_good(lake: Answer) -> None:
    line = json.loads(canary({"/v1/lake": lake}).line())
    assert line["canary"].keys() == {"good", "seconds", "why"}
    assert line["canary"]["good"] is True
