"""Query strings as requests have them, a flight to ask for, and what is refused with 422."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from lakehouse.schema.event import FlightKey
from query_service.api.query_string import pairs_of
from query_service.errors import Problem, ProblemError

MAX_VALUES = 3
FLIGHT = "2013-01-05-UA-1545A-EWR"
KEY = FlightKey(dt.date(2013, 1, 5), "UA", 1545, "A", "EWR")


def pairs(query: str) -> list[tuple[str, str]]:
    return pairs_of(query.encode())


def refused(ask: Callable[[], object]) -> Problem:
    with pytest.raises(ProblemError) as error:
        ask()
    assert error.value.problem.status == 422
    return error.value.problem
