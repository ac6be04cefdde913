"""Random questions about flights, from a seed: as a dictionary for the oracle and as parameters for the API."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from tests.system.integration.oracle import FILTERS, GROUPS, MEASURES

NAMED = {"carrier", "origin", "destination", "route"}
"""Groups of codes, which may have names next to them."""

Question = dict[str, Any]
Parameters = list[tuple[str, str]]


def questions(flights: pl.DataFrame, count: int, seed: int) -> Iterator[Question]:
    rng = random.Random(seed)
    values: dict[str, list[Any]] = {name: flights[name].drop_nulls().unique().sort().to_list() for name in FILTERS}
    days = flights["flight_date"].unique().sort().to_list()
    for _ in range(count):
        yield _with_limits(rng, _question(rng, values, days))


def parameters(question: Mapping[str, Any]) -> Parameters:
    """The question as the API takes it."""
    result: Parameters = []
    for name, value in question.items():
        if name in ("group_by", "order_by"):
            result.append((name, ",".join(value)))
        elif isinstance(value, list):
            result.extend((name, str(each)) for each in value)
        else:
            result.append((name, str(value)))
    return result


def _question(rng: random.Random, values: Mapping[str, list[Any]], days: list[str]) -> Question:
    question: Question = {}
    for name, known in values.items():
        if rng.random() < 0.2:
            question[name] = rng.sample(known, min(len(known), rng.choice((1, 1, 2, 5, 20))))
    if rng.random() < 0.05:
        question["carrier"] = ["XX"]  # nobody's
    if rng.random() < 0.7:
        _add_dates(rng, days, question)
    groups = rng.sample(GROUPS, rng.choice((0, 1, 1, 1, 2, 2, 3)))
    if groups:
        question["group_by"] = groups
    if rng.random() < 0.6:
        columns = rng.sample((*groups, *MEASURES), rng.choice((1, 1, 2)))
        question["order_by"] = [rng.choice(("", "-")) + column for column in columns]
    if rng.random() < 0.6:
        question["limit"] = rng.choice((1, 2, 10, 100, 1000, 10_000))
    return question


def _with_limits(rng: random.Random, question: Question) -> Question:
    if "group_by" in question and rng.random() < 0.2:
        question["min_flights"] = rng.choice((1, 2, 10, 100))
    if NAMED & set(question.get("group_by", ())) and rng.random() < 0.2:
        question["names"] = "true"
    if rng.random() < 0.2:
        question["on_time_minutes"] = rng.choice((0, 1, 14, 15, 16, 60, 1440))
    return question


def _add_dates(rng: random.Random, days: list[str], question: Question) -> None:
    first = dt.date.fromisoformat(rng.choice(days))
    last = first + dt.timedelta(days=rng.choice((0, 1, 6, 29, 90)))
    if rng.random() < 0.9:
        question["date_from"] = first.isoformat()
    if rng.random() < 0.9:
        question["date_to"] = last.isoformat()
