"""DataFusion over the Delta table, as delta-rs gives it, answers like the snapshot: `make test-engines`."""

from __future__ import annotations

import datafusion
from deltalake import DeltaTable

from tests.system.engines.counted import DAY, Rows, by_carrier, expected
from tests.system.engines.lake import Lake


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
