"""DataFusion over the Delta table, as delta-rs gives it, answers like the snapshot: `make test-engines`.

It has no exact percentile: it finds the rows of a question, and Polars counts them.
"""

from __future__ import annotations

from typing import Any

import datafusion
import pytest
from deltalake import DeltaTable

from tests.system.engines.asked import Asked, check_answers, from_rows
from tests.system.engines.counted import DAY, Rows, by_carrier, expected
from tests.system.engines.lake import Lake
from tests.system.engines.question_sql import where
from tests.system.integration.questions import Question


def _ask(lake: Lake, version: int | None, where: str) -> Rows:
    context = datafusion.SessionContext()
    context.register_table("flights", DeltaTable(lake.delta, version=version))
    rows = context.sql(by_carrier("flights", where)).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_datafusion_answers_like_the_snapshot(lake: Lake) -> None:
    one_day = f"flight_date = DATE '{DAY}'"
    assert _ask(lake, None, "true") == expected(lake.folder, lake.snapshot)
    assert _ask(lake, None, one_day) == expected(lake.folder, lake.snapshot, one_day)
    assert _ask(lake, lake.earlier, "true") == expected(lake.folder, lake.earlier)


@pytest.mark.timeout(1800)
def test_datafusion_finds_the_rows_of_all_questions(lake: Lake, asked: list[Asked]) -> None:
    context = datafusion.SessionContext()
    context.register_table("flights", DeltaTable(lake.delta))

    def ask(question: Question) -> Any:
        rows = context.sql(f"SELECT * FROM flights WHERE {where(question) or 'true'}")
        return from_rows(question, rows.to_polars())

    check_answers(asked, ask)
