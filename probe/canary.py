"""The canary of one minute: is it visible exactly once within 30 s? Writes one log line.

The line also has the lake's state as seen from outside, so log-based metrics need nothing else.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from probe.deployed import Publishes
from probe.errors import ProbeFailedError
from probe.flight import CANARY_ORIGIN, ProbeFlight
from probe.service import Answer, Service

OBJECTIVE_S = 30
"""What the freshness objective promises, and the longest that the service waits."""


@dataclass(frozen=True)
class Canary:
    """The result. Numbers of the lake are None when the API did not give them."""

    good: bool
    seconds: float
    why: str
    snapshot: int | None = None
    tail_files: int | None = None
    tail_rows: int | None = None
    rejected_files: int | None = None
    unreadable: int | None = None

    def line(self) -> str:
        """JSON in Cloud Logging's field names, without unknown values."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        severity = "INFO" if self.good else "ERROR"
        return json.dumps({"severity": severity, "message": f"canary: {self.why}", "canary": known})


def send_canary(service: Service, publisher: Publishes, flight: ProbeFlight) -> Canary:
    """Sends `flight` and looks for it. What fails is told in the Canary; nothing is raised for it."""
    began = time.monotonic()
    try:
        publisher.publish(flight.message())
        wait_until_visible(service, flight)
        why = _why_not_counted_once(service, flight)
    except ProbeFailedError as error:
        why = str(error)
    seconds = round(time.monotonic() - began, 3)
    if not why and seconds > OBJECTIVE_S:
        why = f"visible after {seconds} s, not within {OBJECTIVE_S}"
    return Canary(not why, seconds, why or f"visible exactly once after {seconds} s", **_lake(service))


def wait_until_visible(service: Service, flight: ProbeFlight) -> None:
    """Returns as soon as the service answers with `flight`. Raises ProbeFailedError when it does not in time."""
    parameters: dict[str, str | int] = {"min_event_time": flight.event()["event_time"], "wait_s": OBJECTIVE_S}
    answer = service.get(f"/v1/flights/{flight.flight_id}", parameters, timeout_s=OBJECTIVE_S + 10.0)
    if answer.status != 200:
        raise ProbeFailedError(f"not visible: {answer}")


def _why_not_counted_once(service: Service, flight: ProbeFlight) -> str:
    """Why it is not counted exactly once; empty if it is."""
    date = flight.flight_date.isoformat()
    only: dict[str, str | int] = {"carrier": "ZZ", "origin": CANARY_ORIGIN, "flight_number": flight.flight_number}
    answer = service.get("/v1/stats", {**only, "date_from": date, "date_to": date})
    try:
        counted = answer.json()["data"][0]["flights"]
    except (KeyError, IndexError, TypeError):
        return f"not counted: {answer}"
    return "" if counted == 1 else f"counted {counted} times: {answer}"


def _lake(service: Service) -> dict[str, int]:
    answer = service.get("/v1/lake")
    if answer.status != 200:
        return {}
    return _numbers(answer)


def _numbers(answer: Answer) -> dict[str, int]:
    try:
        lake = answer.json()
        return {
            "snapshot": lake["snapshot"],
            "tail_files": lake["tail"]["files"],
            "tail_rows": lake["tail"]["rows"],
            "rejected_files": lake["rejected"]["files"],
            "unreadable": len(lake["unreadable"]),
        }
    except (ProbeFailedError, KeyError, TypeError):
        return {}
