"""Flights of /v1/flights, page by page."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import Api
from tests._support.lakes.builder import Event, LakeBuilder
from tests._support.oracles import stats_oracle


def flight_id(row: Event) -> str:
    return f"{row['flight_date']}-{row['carrier']}-{row['flight_number']}{row['operational_suffix']}-{row['origin']}"


def ordered(rows: Sequence[Event], order_by: str) -> list[Event]:
    """By the column of `order_by`; nulls last, ties by the key. `rows` are in the order of their keys."""
    name, descending = order_by.removeprefix("-"), order_by.startswith("-")
    if name == "flight_id":
        return list(reversed(rows)) if descending else list(rows)
    known = sorted((row for row in rows if row[name] is not None), key=lambda row: row[name], reverse=descending)
    return known + [row for row in rows if row[name] is None]


def pages(api: Api, url: str) -> list[list[str]]:
    """The ids of every page, by next_cursor."""
    found = []
    cursor = ""
    while True:
        body = api.json(url + cursor)
        found.append([row["flight_id"] for row in body["data"]])
        assert body["truncated"] == (body["next_cursor"] is not None)
        if body["next_cursor"] is None:
            return found
        cursor = f"&cursor={body['next_cursor']}"


def random_lake(seed: int, count: int = 300) -> tuple[LakeBuilder, list[Event]]:
    """Half merged, over three dates of two months."""
    events = stats_oracle.random_events(random.Random(seed), count)
    lake = LakeBuilder(MemoryStore())
    lake.land(*events[: count // 2])
    lake.merge()
    lake.land(*events[count // 2 :])
    return lake, events
