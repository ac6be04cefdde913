"""The same questions for every engine, with the API's answers at the lake's latest snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import polars as pl

import lakehouse
from tests._support.api.in_process import serving
from tests.system.engines.lake import Lake
from tests.system.integration import oracle
from tests.system.integration.questions import Question, parameters, questions

Ask = Callable[[Question], Any]
"""An engine's answer, in the words of the API."""


@dataclass(frozen=True)
class Asked:
    name: str
    question: Question
    answer: Any


def ask_api(lake: Lake, count: int, seed: int) -> list[Asked]:
    """Random questions with the answers of `snapshot=N`, of which many have rows."""
    with lakehouse.connect(lake.folder.as_uri(), snapshot=lake.snapshot) as connection:
        flights = as_asked(connection.sql("FROM flights").pl())
    asked = []
    with serving(lake.store, query_timeout_s=120.0, plan_timeout_s=60.0) as api:  # right, however late
        for number, question in enumerate(questions(flights, count, seed)):
            question.pop("names", None)  # the tables have codes alone
            request = httpx.QueryParams([*parameters(question), ("snapshot", str(lake.snapshot))])
            response = api.run(api.client.get("/v1/stats", params=request))
            assert response.status_code == 200, response.text
            asked.append(Asked(f"seed {seed}, question {number}: {question}", question, response.json()))
    assert Counter(bool(each.answer["data"]) for each in asked)[True] > count // 2
    return asked


def check_answers(asked: Sequence[Asked], ask: Ask) -> None:
    """The engine gives each answer, to the last digit."""
    for each in asked:
        assert ask(each.question) == each.answer, each.name


def from_rows(question: Question, rows: pl.DataFrame) -> Any:
    """The answer, computed by Polars from the rows that an engine found for the question's filters."""
    return oracle.answer(as_asked(rows), question)


def as_asked(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that questions are about, from those of the tables."""
    date = pl.col("flight_date")
    return rows.select(
        date.dt.to_string("%Y-%m-%d"),
        date.dt.to_string("%Y-%m").alias("month"),
        date.dt.weekday().cast(pl.Int64).alias("weekday"),
        pl.col("scheduled_departure_hour").cast(pl.Int64).alias("hour"),
        "carrier",
        pl.col("flight_number").cast(pl.Int64),
        "origin",
        "destination",
        (pl.col("origin") + "-" + pl.col("destination")).alias("route"),
        "tail_number",
        "status",
        pl.col("departure_delay_minutes").cast(pl.Int64).alias("departure_delay"),
        pl.col("arrival_delay_minutes").cast(pl.Int64).alias("arrival_delay"),
    )
