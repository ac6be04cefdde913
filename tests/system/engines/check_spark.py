"""PySpark in local mode, over the files of the Delta table, answers like the API of that snapshot: `make test-engines`.

Not named `test_`: Spark needs Java and 400 MB, which `make test` does not ask for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from tests._support.api import serving
from tests.system.engines.lake import Lake, polars_flights
from tests.system.engines.spark import columns, sql
from tests.system.integration.questions import parameters, questions

QUESTIONS = 60


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")  # 200 by default: hours of nothing on a laptop
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.mark.timeout(900)
def test_spark_answers_like_the_api(lake: Lake, spark: Any, request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--seed")
    began = time.monotonic()
    spark.read.parquet(*DeltaTable(lake.delta).file_uris()).createOrReplaceTempView("flights")
    with serving(lake.store) as api:
        for number, question in enumerate(questions(polars_flights(lake), QUESTIONS, seed, is_plain=True)):
            asked = httpx.QueryParams([*parameters(question), ("snapshot", str(lake.snapshot))])
            expected = api.run(api.client.get("/v1/stats", params=asked)).json()
            limit = question.get("limit", 1000)
            rows = [dict(zip(columns(question), row, strict=True)) for row in spark.sql(sql(question)).collect()]
            got = {"data": rows[:limit], "truncated": len(rows) > limit}
            assert got == expected, f"seed {seed}, question {number}: {question}"
    print(f"Spark {spark.version}: {QUESTIONS} questions answered like the API, in {time.monotonic() - began:.0f} s")
