"""Random statistics questions with their right answers, and lakes in every state that the same events can be in."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import urlencode

from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import Api, serving
from tests._support.lakes.builder import Event, LakeBuilder
from tests._support.oracles import stats_oracle
from tests._support.oracles.names_oracle import named

FORMATS = ("json", "csv", "arrow", "parquet")
STATS_ALONE = ("group_by", "order_by", "min_flights", "on_time_minutes")
"""Parameters of a random question that /v1/flights does not take."""
_NUMBERS = (("min_flights", "0"), ("on_time_minutes", "15"))
STATES = ("all in the tail", "half merged", "all merged")


@contextmanager
def lake_of(events: Sequence[Event], state: str = "all merged") -> Iterator[Api]:
    """A lake of a few landed files and, in the other states, one or two commits."""
    lake = LakeBuilder(MemoryStore())
    half = len(events) // 2
    for part in (events[: half // 2], events[half // 2 : half]):
        lake.land(*part)
    if state != "all in the tail":
        lake.merge()
    lake.land(*events[half:])
    if state == "all merged":
        lake.merge()
    with serving(lake.store) as api:
        yield api


def growing(lake: LakeBuilder, events: Sequence[Event], choose: random.Random) -> Iterator[list[Event]]:
    """Lands the events in steps, and merges at times; yields all that have landed after each step."""
    landed: list[Event] = []
    while len(landed) < len(events):
        step = events[len(landed) : len(landed) + choose.choice([1, 20, 60])]
        landed += step
        lake.land(*step)
        if choose.random() < 0.2:
            lake.merge(collect=choose.random() < 0.5)
        yield landed


def check_same_bytes(
    cached: Api,
    plain: Api,
    asked: dict[str, list[str]],
    filters: dict[str, list[Any]],
    events: Sequence[Event] | None,
) -> None:
    """`cached` answers with the bytes of `plain`, the first time and again.

    With `events`, those of the lake, the answer is also the right one.
    """
    path = f"/v1/stats?{urlencode(asked, doseq=True)}"
    want = plain.get(path)
    assert want.status_code == 200, want.text
    for _ in range(2):  # computed, and then cached
        assert cached.get(path).content == want.content, path
    if events is not None:
        rows = expected(events, asked, filters)[: int(asked.get("limit", ["1000"])[0])]
        as_json = path.replace(f"format={asked['format'][0]}", "format=json")
        assert exactly(cached.rows(as_json)) == exactly(rows), path


def exactly(rows: Any) -> str:
    """Text that differs when a value or its type does."""
    return json.dumps(rows, ensure_ascii=False)


def random_question(choose: random.Random) -> tuple[dict[str, list[str]], dict[str, list[Any]]]:
    """A query string, and its filters as the oracle takes them."""
    groups = choose.sample(list(stats_oracle.GROUPS), choose.randrange(4))
    filters: dict[str, list[Any]] = {}
    possible: dict[str, list[Any]] = {
        "carrier": ["UA", "AA", "ZZ", "XX"],
        "origin": ["EWR", "JFK"],
        "destination": ["LAX", "KLAX"],
        "flight_number": [1, 2, 9999],
        "tail_number": ["N1", "é☃"],
        "status": ["arrived", "cancelled", "void", "scheduled"],
        "weekday": [3, 4, 7],
        "hour": list(range(24)),
    }
    for name, values in possible.items():
        if choose.random() < 0.25:
            filters[name] = choose.sample(values, choose.randrange(1, len(values) + 1))
    asked: dict[str, list[str]] = {name: _spelled(values, choose) for name, values in filters.items()}
    if groups:
        asked["group_by"] = [",".join(groups)]
        if not {"carrier", "origin", "destination", "route"}.isdisjoint(groups) and choose.random() < 0.4:
            asked["names"] = ["true"]
        if choose.random() < 0.3:
            asked["min_flights"] = [str(choose.choice([1, 2, 3, 10, 40]))]
    if choose.random() < 0.3:
        asked["on_time_minutes"] = [str(choose.choice([0, 1, 14, 15, 16, 60, 1440]))]
    columns = [*groups, "flights", "cancellation_rate", "departure_delay_mean", "arrival_delay_p90", "arrived"]
    columns += ["on_time_departure_rate"]
    if choose.random() < 0.6:
        terms = choose.sample(columns, choose.randrange(1, 3))
        asked["order_by"] = [",".join(choose.choice(["", "-"]) + term for term in terms)]
    if choose.random() < 0.4:
        asked["date_from"] = ["2013-01-31"]
    if choose.random() < 0.4:
        asked["date_to"] = ["2013-01-31"]
    return asked, filters


def _spelled(values: Sequence[Any], choose: random.Random) -> list[str]:
    """Repeated, or separated by commas."""
    texts = [str(value) for value in values]
    return texts if choose.random() < 0.5 else [",".join(texts)]


def expected(
    events: Sequence[Event], asked: dict[str, list[str]], filters: dict[str, list[Any]]
) -> list[stats_oracle.Row]:
    first, last = (date.fromisoformat(asked[n][0]) if n in asked else None for n in ("date_from", "date_to"))
    groups = asked["group_by"][0].split(",") if "group_by" in asked else []
    order_by = asked["order_by"][0].split(",") if "order_by" in asked else []
    matching = stats_oracle.matching(events, filters, first, last)
    least, minutes = (int(asked.get(name, [default])[0]) for name, default in _NUMBERS)
    rows = stats_oracle.statistics(matching, groups, order_by, least, minutes)
    return [named(row) for row in rows] if "names" in asked else rows
