"""ClickHouse (chDB) over the Delta and the Iceberg table answers like the snapshot: `make test-engines`.

It has no percentile at the API's rank: it finds the rows of a question, and Polars counts them.
"""

from __future__ import annotations

import io
import json
from typing import Any

import chdb
import polars as pl
import pytest

from tests.system.engines.asked import Asked, check_answers, from_rows
from tests.system.engines.counted import DAY, Rows, by_carrier, expected
from tests.system.engines.lake import Lake
from tests.system.engines.question_sql import where
from tests.system.integration.questions import Question

_DELTA, _ICEBERG = "deltaLakeLocal('{0.delta}')", "icebergLocal('{0.iceberg}')"


@pytest.fixture(autouse=True)
def _inside_the_lake(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """chDB reads files below the folder that it is in."""
    monkeypatch.chdir(lake.folder)


def _ask(table: str, where: str, settings: str = "") -> Rows:
    answer = chdb.query(f"{by_carrier(table, where)} {settings}", "JSONCompact")
    return [(carrier, int(flights), int(delay), int(tails)) for carrier, flights, delay, tails in _data(answer)]


def _data(answer: object) -> list[list[str]]:
    data: list[list[str]] = json.loads(str(answer))["data"]
    return data


@pytest.mark.parametrize("table", [_DELTA, _ICEBERG])
def test_clickhouse_answers_like_the_snapshot(lake: Lake, table: str) -> None:
    source, one_day = table.format(lake), f"flight_date = '{DAY}'"
    assert _ask(source, "true") == expected(lake.folder, lake.snapshot)
    assert _ask(source, one_day) == expected(lake.folder, lake.snapshot, one_day)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("table", [_DELTA, _ICEBERG])
def test_clickhouse_finds_the_rows_of_all_questions(lake: Lake, asked: list[Asked], table: str) -> None:
    def ask(question: Question) -> Any:
        found = chdb.query(f"SELECT * FROM {table.format(lake)} WHERE {where(question) or 'true'}", "Parquet")
        return from_rows(question, pl.read_parquet(io.BytesIO(found.bytes())))

    check_answers(asked, ask)


@pytest.mark.parametrize(
    ("table", "setting"), [(_DELTA, "delta_lake_snapshot_version"), (_ICEBERG, "iceberg_snapshot_id")]
)
def test_clickhouse_reads_an_older_version(lake: Lake, table: str, setting: str) -> None:
    settings = f"SETTINGS {setting} = {lake.earlier}"
    assert _ask(table.format(lake), "true", settings) == expected(lake.folder, lake.earlier)
