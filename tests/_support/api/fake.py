"""An API whose answers are made up, for the probe: right ones, but where a test says otherwise."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from probe.flight import flight_of_build
from probe.service import Answer, Service

BUILD = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
NOW = dt.datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=dt.UTC)

Lies = Mapping[str, Answer | Callable[[Answer], Answer]]
"""By path: the answer instead, or what makes it of the right one."""


class FakeService(Service):
    """Answers as a service does that has the flight of `BUILD`, but for the lies."""

    def __init__(self, lies: Lies, message: Callable[[], str]) -> None:
        super().__init__("http://service", {})
        self.lies = lies
        self.message = message

    def get(self, path: str, parameters: Any = None, timeout_s: float = 15.0) -> Answer:
        parameters = parameters or {}
        name = "users" if path == "/v1/stats" and "carrier" not in parameters and "date_to" in parameters else path
        lie = self.lies.get("/v1/flight" if path.startswith("/v1/flights/") else name)
        if isinstance(lie, Answer):
            return lie
        truth = self.truth(path, parameters)
        return truth if lie is None else lie(truth)

    def truth(self, path: str, parameters: Mapping[str, Any]) -> Answer:
        if path.startswith("/v1/flights/"):
            event = flight_of_build(BUILD, NOW).event()
            return ok({**event, "departure_delay_minutes": 7, "source": {"message_id": self.message()}})
        if parameters.get("date_from") == "yesterday":
            return problem(422, "date_from is 'yesterday'")
        if path == "/v1/stats":
            counted = 1 if parameters.get("carrier") == "ZZ" else 0
            row = {"flights": counted, "departed": counted, "arrived": 0, "cancelled": 0, "departure_delay_mean": 7.0}
            return ok([row])
        return {"/v1/nothing": problem(404, "nothing"), "/v1/flights": ok([])}.get(path, ok({}))


class FakePublisher:
    """A publisher that counts, and knows the last message."""

    def __init__(self) -> None:
        self.count = 0

    def publish(self, message: bytes) -> str:
        self.count += 1
        return self.last()

    def last(self) -> str:
        return f"m{self.count}"


def ok(data: Any) -> Answer:
    return Answer("http://service/x", 200, "application/json", {}, json.dumps({"data": data}))


def problem(status: int, detail: str) -> Answer:
    body = json.dumps({"status": status, "detail": detail})
    return Answer("http://service/x", status, "application/problem+json", {}, body)


def changed(**fields: Any) -> Callable[[Answer], Answer]:
    """The right answer with some fields changed."""

    def change(answer: Answer) -> Answer:
        data = answer.json()["data"]
        return ok([{**data[0], **fields}] if isinstance(data, list) else {**data, **fields})

    return change
