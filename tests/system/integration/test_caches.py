"""Rollups and the cache of the tail give the answers of the oracle over the original CSV, which shares no code."""

from __future__ import annotations

from urllib.parse import urlencode

import polars as pl
import pytest

from ingest_writer.decoding.decoder import decode_messages
from lakehouse.store.memory import MemoryStore
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights
from tests._support.api.in_process import Api, serving
from tests._support.api.metrics_page import page
from tests._support.events.builders import message
from tests._support.lakes.builder import LakeBuilder
from tests.system.integration.asked import Asked, ask_oracle

PUBLISHED = "2014-01-02T00:00:00Z"
LANDED_FILES = 6


@pytest.mark.timeout(3600)  # a minute in `make test`
def test_caches_answer_random_questions_like_the_oracle(flights: pl.DataFrame, seed: int, count: int) -> None:
    lines = list(events_of(read_flights(flights.height)))
    asked = ask_oracle(flights, count, seed + 2)
    lake = LakeBuilder(MemoryStore(), dates_a_file=1)  # rollups are of several files
    size = len(lines) // LANDED_FILES + 1
    with serving(lake.store, rollup_min_rows=0, tail_cache_min_kb=0, result_cache_mb=0) as api:
        for number in range(LANDED_FILES):
            part = lines[number * size : (number + 1) * size]
            decoded = decode_messages([message(b"\n".join(part), f"m{number}", PUBLISHED)])
            assert not decoded.rejected
            lake.land(*decoded.events.to_pylist())
            if number == LANDED_FILES - 2:
                lake.merge()  # the last events of flights that are merged stay in the tail
        _check(api, asked)
        assert page(api).cache("tail", "hits_total") > 0
        lake.merge()
        _check(api, asked)
        assert page(api).cache("rollup", "hits_total") > 0


def _check(api: Api, asked: list[Asked]) -> None:
    for question in asked:
        for _ in range(2):  # computed, and from what that left
            answer = api.get(f"/v1/stats?{urlencode(question.parameters)}")
            assert answer.json() == question.answer, question.name
