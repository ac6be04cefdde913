"""The probe of a deploy against services that tell the truth, and services that lie."""

from __future__ import annotations

import pytest

from probe.deployed import DeployProbe
from probe.errors import ProbeFailedError
from probe.flight import flight_of_build
from probe.service import Answer
from tests._support.api.fake import BUILD, NOW, FakePublisher, FakeService, Lies, changed, ok, problem


def probe(lies: Lies) -> None:
    published = FakePublisher()
    # Less than one of its pauses: lies that it waits out are told twice.
    DeployProbe(FakeService(lies, published.last), published, flight_of_build(BUILD, NOW), 0.1, lambda _: None).run()


def test_probe_passes_when_nothing_is_wrong() -> None:
    probe({})


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ({"/health": problem(503, "down")}, "expected 200 at /health"),
        ({"/ready": problem(503, "storage")}, "expected 200 at /ready"),
        ({"/v1/flight": problem(504, "not yet")}, "expected the flight that was published"),
        ({"/v1/flight": problem(401, "who are you")}, "saw 401"),
        ({"/v1/flight": changed(tail_number="other")}, "tail_number to be '3f2504e04f'"),
        ({"/v1/flight": changed(event_time="2026-11-24T12:00:00.123455+00:00")}, "event_time to be"),
        ({"/v1/flight": changed(departure_delay_minutes=None)}, "a delay of 7 minutes"),
        ({"/v1/flight": changed(source={"message_id": "m1"})}, "expected message m2 as the flight's source"),
        ({"/v1/stats": changed(flights=2)}, "flights = 1 in the statistics of ZZ"),
        ({"/v1/stats": changed(departure_delay_mean=8)}, "departure_delay_mean = 7"),
        ({"users": changed(flights=1)}, "users' statistics to leave it out"),
        ({"/v1/flights": ok([{"carrier": "ZZ"}])}, "users' flights to leave it out"),
        ({"/v1/nothing": Answer("u", 404, "text/html", {}, "no")}, "application/problem+json, not text/html"),
        ({"/v1/nothing": ok({})}, "expected status 404"),
    ],
)
def test_probe_fails_when_the_service_is_wrong(lies: Lies, said: str) -> None:
    with pytest.raises(ProbeFailedError) as error:
        probe(lies)
    assert said in str(error.value)


def test_probe_fails_when_the_parameter_is_not_named() -> None:
    def unnamed(answer: Answer) -> Answer:
        return problem(422, "no") if answer.status == 422 else answer

    with pytest.raises(ProbeFailedError, match="name the parameter date_from"):
        probe({"/v1/stats": unnamed})
