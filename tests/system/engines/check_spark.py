"""PySpark in local mode over the Delta and the Iceberg table answers like the API at `snapshot=N`: `make test-engines`.

Not named `test_`: Spark needs Java, 400 MB, and the jars of both formats from Maven Central, which it keeps.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from tests.system.engines.asked import Asked, check_answers
from tests.system.engines.counted import by_carrier, expected
from tests.system.engines.lake import Lake
from tests.system.engines.question_sql import SPARK, answer, sql
from tests.system.integration.questions import Question

_JARS = (
    "io.delta:delta-spark_4.1_2.13:4.4.0",
    "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
)
"""Of the Spark that pyproject.toml names: the newest for which there are both."""

_CENTRAL = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>"""
"""Where Spark looks for jars: not in the folder of a Maven on this machine, which may know one without having it."""

# py4j leaves sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

_FORMATS = ("delta", "iceberg")
_SECONDS = 3600


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    ivy = tmp_path_factory.mktemp("ivy") / "settings.xml"
    ivy.write_text(_CENTRAL)
    options = {
        "spark.jars.packages": ",".join(_JARS),
        "spark.jars.ivySettings": str(ivy),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # Its defaults are for large data: hundreds of partitions, and questions that are compiled before they run.
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in options.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        pytest.fail(f"SPARK WAS NOT TESTED: it did not start with {', '.join(_JARS)}, from Maven Central: {error}")
    yield session
    session.stop()


def _table(spark: Any, lake: Lake, kind: str, version: int | None = None) -> DataFrame:
    reader = spark.read.format(kind)
    if version is not None:
        reader = reader.option("versionAsOf", version)
    table: DataFrame = reader.load({"delta": lake.delta, "iceberg": lake.iceberg}[kind])
    return table


@pytest.mark.timeout(_SECONDS)
@pytest.mark.parametrize("kind", _FORMATS)
def test_spark_answers_all_questions_like_the_api(lake: Lake, asked: list[Asked], spark: Any, kind: str) -> None:
    began = time.monotonic()
    _table(spark, lake, kind).createOrReplaceTempView(kind)

    def ask(question: Question) -> Any:
        return answer(question, [tuple(row) for row in spark.sql(sql(SPARK, kind, question)).collect()])

    check_answers(asked, ask)
    took = time.monotonic() - began
    print(f"Spark {spark.version}, {kind}: {len(asked)} questions answered like the API, in {took:.0f} s")


@pytest.mark.timeout(_SECONDS)
@pytest.mark.parametrize("kind", _FORMATS)
def test_spark_reads_an_older_version(lake: Lake, spark: Any, kind: str) -> None:
    _table(spark, lake, kind, lake.earlier).createOrReplaceTempView("earlier")
    rows = [tuple(row) for row in spark.sql(by_carrier("earlier")).collect()]
    assert rows == expected(lake.folder, lake.earlier)
