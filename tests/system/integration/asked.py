"""Questions with the oracle's answers, asked of a running system."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tests._support.processes.system import System
from tests.system.integration import oracle
from tests.system.integration.questions import parameters, questions


@dataclass(frozen=True)
class Asked:
    """A question and the oracle's answer to it."""

    name: str
    parameters: list[tuple[str, str]]
    answer: Any


def ask_oracle(flights: pl.DataFrame, count: int, seed: int) -> list[Asked]:
    """Random questions with their right answers."""
    return [
        Asked(f"seed {seed}, question {number}: {question}", parameters(question), oracle.answer(flights, question))
        for number, question in enumerate(questions(flights, count, seed))
    ]


def check_answers(system: System, asked: Sequence[Asked]) -> None:
    """The API gives each right answer, to the last digit."""
    began = time.monotonic()
    for question in asked:
        got = system.get("/v1/stats", question.parameters)
        assert got == question.answer, question.name
    print(f"{len(asked)} questions in {time.monotonic() - began:.1f} s")
