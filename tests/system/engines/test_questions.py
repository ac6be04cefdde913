"""Each engine answers the same random questions like the API at `snapshot=N`. In Spark, ClickHouse and DataFusion:
`make test-engines`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.table import StaticTable

import lakehouse
from tests._support.engines.outside_duckdb import outside_duckdb
from tests.system.engines.asked import Ask, Asked, check_answers, from_rows
from tests.system.engines.lake import Lake
from tests.system.engines.question_sql import DUCKDB, answer, sql, where
from tests.system.integration.oracle import STRING_FILTERS
from tests.system.integration.questions import Question


@contextmanager
def _connect(lake: Lake) -> Iterator[Ask]:
    with lakehouse.connect(lake.folder.as_uri(), snapshot=lake.snapshot) as connection:
        yield partial(_duckdb, connection, "flights")


@contextmanager
def _duckdb_iceberg(lake: Lake) -> Iterator[Ask]:
    with outside_duckdb() as connection:
        yield partial(_duckdb, connection, f"iceberg_scan('{lake.iceberg}')")


@contextmanager
def _duckdb_delta(lake: Lake) -> Iterator[Ask]:
    with outside_duckdb() as connection:
        yield partial(_duckdb, connection, f"delta_scan('{lake.delta}')")


def _duckdb(connection: duckdb.DuckDBPyConnection, source: str, question: Question) -> Any:
    return answer(question, connection.execute(sql(DUCKDB, source, question)).fetchall())


@contextmanager
def _delta_rs(lake: Lake) -> Iterator[Ask]:
    table = DeltaTable(lake.delta)
    yield lambda question: from_rows(question, pl.DataFrame(table.to_pyarrow_table(filters=_triples(question) or None)))


def _triples(question: Question) -> list[tuple[str, str, Any]]:
    """The filters as delta-rs takes them."""
    triples = [(name, "in", question[name]) for name in (*STRING_FILTERS, "flight_number") if name in question]
    for name, operator in (("date_from", ">="), ("date_to", "<=")):
        if name in question:
            triples.append(("flight_date", operator, dt.date.fromisoformat(question[name])))
    return triples


@contextmanager
def _polars(lake: Lake) -> Iterator[Ask]:
    def ask(question: Question) -> Any:
        rows = pl.scan_delta(lake.delta).sql(f"SELECT * FROM self WHERE {where(question) or 'true'}")
        return from_rows(question, rows.collect())

    yield ask


@contextmanager
def _pyiceberg(lake: Lake) -> Iterator[Ask]:
    table = StaticTable.from_metadata(lake.iceberg)

    def ask(question: Question) -> Any:
        rows = table.scan(row_filter=where(question) or AlwaysTrue()).to_arrow()
        return from_rows(question, pl.DataFrame(rows))

    yield ask


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", [_connect, _duckdb_iceberg, _duckdb_delta, _delta_rs, _polars, _pyiceberg])
def test_an_engine_answers_all_questions_like_the_api(lake: Lake, asked: list[Asked], engine: Any) -> None:
    with engine(lake) as ask:
        check_answers(asked, ask)
