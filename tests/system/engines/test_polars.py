"""Polars over the Delta table answers like the API of that snapshot. Spark: `check_spark.py`."""

from __future__ import annotations

import httpx
import pytest

from tests._support.api import serving
from tests.system.engines.lake import Lake, polars_flights
from tests.system.integration import oracle
from tests.system.integration.questions import parameters, questions

QUESTIONS = 100


def test_polars_answers_like_the_api(lake: Lake, request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--seed")
    flights = polars_flights(lake)
    with serving(lake.store) as api:
        for number, question in enumerate(questions(flights, QUESTIONS, seed)):
            asked = httpx.QueryParams([*parameters(question), ("snapshot", str(lake.snapshot))])
            answer = api.run(api.client.get("/v1/stats", params=asked))
            assert answer.json() == oracle.answer(flights, question), f"seed {seed}, question {number}: {question}"
