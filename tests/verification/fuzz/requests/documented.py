"""Requests that schemathesis makes from the OpenAPI document, valid and invalid, with its checks.

Rules between parameters cannot be expressed in a schema; the exceptions are listed here by name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import (
    ChecksConfig,
    CoveragePhaseConfig,
    ExamplesPhaseConfig,
    FuzzingPhaseConfig,
    GenerationConfig,
    PhasesConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    StatefulPhaseConfig,
)
from schemathesis.core.failures import Failure, ServerError
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData

PHASES = ("examples", "coverage", "fuzzing")

BETWEEN_PARAMETERS = {
    "reversed dates": ("date_from", "a date not after date_to"),
    "a limit of a delay that is not named": ("delay_m", "a delay beside it"),
    "a delay without a limit": ("delay", "a delay_min or a delay_max beside it"),
    "reversed limits of a delay": ("delay_min", "an integer not above delay_max"),
    "min_flights without groups": ("min_flights", "a group_by beside it"),
    "names without a column of codes": ("names", "a column of codes beside it"),
    "wait_s without a min_event_time to wait for": ("wait_s", "a min_event_time beside it"),
    "order_by a column that this result does not have": ("order_by", "columns of this result"),
    "order_by a column twice": ("order_by", "each column once"),
    "a cursor of the right form that no page gave": ("cursor", "the next_cursor of an earlier page"),
    "a cursor of a page in another order": ("cursor", "order_by="),
    "snapshot beside min_event_time": ("snapshot", "no min_event_time beside it"),
    "formulas escaped in another format than CSV": ("escape_formulas", "format=csv beside it"),
    "an id with a day that its month does not have": ("flight_id", "date, carrier, number"),
}
"""Why a question that the schemas allow may be a 422: the parameter, and how what it takes begins."""

DELIBERATE = {
    "nobody may wait in this test": (503, "overloaded"),
    "the flight is not as new as asked": (504, "not-yet"),
}
"""Which errors of the server are answers."""


@dataclass
class Documented:
    """The requests and their results."""

    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def ask_documented(base_url: str, seed: int, examples: int, *, phases: Sequence[str] = PHASES) -> Documented:
    """Runs the engine: documented examples, every boundary (`coverage`), and `examples` random questions a path."""
    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json", config=_config(base_url, seed, examples, phases))
    outcome = Documented()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _collect(event, outcome)
        elif isinstance(event, events.NonFatalError):
            outcome.failures.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            outcome.failures.append(repr(event.exception))
    return outcome


def _config(base_url: str, seed: int, examples: int, phases: Sequence[str]) -> SchemathesisConfig:
    # What is there is asked for: 404 is no acceptance, and excused by name like the rest. 304 answers If-None-Match: *
    accepting = PositiveDataAcceptanceConfig(expected_statuses=["200", "206", "304", "404"])
    project = ProjectConfig(
        base_url=base_url,
        continue_on_failure=True,
        checks=ChecksConfig(positive_data_acceptance=accepting),
        phases=PhasesConfig(
            examples=ExamplesPhaseConfig(enabled="examples" in phases),
            coverage=CoveragePhaseConfig(enabled="coverage" in phases, generate_duplicate_query_parameters=True),
            fuzzing=FuzzingPhaseConfig(enabled="fuzzing" in phases and examples > 0),
            stateful=StatefulPhaseConfig(enabled=False),  # there are no links: nothing is ever created
        ),
        generation=GenerationConfig(max_examples=examples, no_shrink=True, database="none"),
    )
    return SchemathesisConfig(seed=seed, projects=ProjectsConfig(default=project))


def _collect(event: events.ScenarioFinished, outcome: Documented) -> None:
    recorder = event.recorder
    for interaction in recorder.interactions.values():
        outcome.asked += 1
        outcome.statuses[interaction.response.status_code if interaction.response is not None else 0] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                response = recorder.find_response(case_id=failure.case_id or case_id)
                excuse = None if response is None else _excuse(failure, response)
                if excuse is not None:
                    outcome.excused[excuse] += 1
                else:
                    text = f"{failure.title}: {failure.message}".replace("\n", " ")[:600]
                    outcome.failures.append(
                        f"{recorder.label}: {check.name}: {text}\n    {check.failure_info.code_sample}"
                    )


def _excuse(failure: Failure, response: Response) -> str | None:
    try:
        document: dict[str, Any] = json.loads(response.content)
    except ValueError:
        return None
    if isinstance(failure, (ServerError, RejectedPositiveData)):
        for name, (status, kind) in DELIBERATE.items():
            if (response.status_code, document.get("type")) == (status, f"/problems#{kind}"):
                return name
    if isinstance(failure, RejectedPositiveData) and response.status_code == 422:
        for name, (parameter, expected) in BETWEEN_PARAMETERS.items():
            if document["parameter"].startswith(parameter) and document["expected"].startswith(expected):
                return name
    return None
