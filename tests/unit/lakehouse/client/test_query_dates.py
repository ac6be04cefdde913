"""The dates of a query: never too few, and few where the query says so."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from lakehouse.client.query import QueryError
from lakehouse.client.query_dates import NO_DATES, dates_of
from lakehouse.table.planner import ALL_DATES, Dates
from tests._support.lakes.rows import row, table
from tests._support.oracles import random_queries

JULY = Dates(dt.date(2013, 7, 1), dt.date(2013, 7, 31))
DAY = dt.date(2013, 7, 4)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'; ATTACH ':memory:' AS lake; USE lake")
        connection.execute("ATTACH ':memory:' AS plan; CREATE VIEW plan.flights AS SELECT 1 AS flight_date")
        connection.execute("CREATE VIEW flights AS FROM plan.flights; DETACH plan")
        connection.execute("CREATE TABLE airports AS SELECT 'EWR' AS code, 'Newark' AS name")
        yield connection


@pytest.mark.parametrize(
    ("query", "dates"),
    [
        ("SELECT count(*) FROM flights WHERE flight_date = '2013-07-04'", Dates(DAY, DAY)),
        ("SELECT count(*) FROM flights WHERE flight_date BETWEEN '2013-07-01' AND '2013-07-31'", JULY),
        ("FROM flights WHERE flight_date > '2013-06-30' AND flight_date < '2013-08-01'", JULY),
        ("FROM flights WHERE flight_date >= '2013-07-04'", Dates(DAY, None)),
        ("FROM flights WHERE NOT (flight_date > '2013-07-04')", Dates(None, DAY)),
        ("FROM flights WHERE date_trunc('month', flight_date) = '2013-07-01'", JULY),
        ("FROM flights WHERE flight_date IN ('2013-07-31', '2013-07-01')", JULY),
        ("FROM flights WHERE flight_date = '2013-07-31' OR flight_date = '2013-07-01'", JULY),
        ("FROM probes WHERE flight_date = '2013-07-04'", Dates(DAY, DAY)),
        ("FROM landing WHERE flight_date = '2013-07-04'", Dates(DAY, DAY)),
        ("FROM main.flights WHERE flight_date = '2013-07-04'", Dates(DAY, DAY)),
        (
            "SELECT name, count(*) FROM flights JOIN airports ON code = origin WHERE flight_date = '2013-07-04'"
            " GROUP BY 1",
            Dates(DAY, DAY),
        ),
        (
            "SELECT (SELECT count(*) FROM flights WHERE flight_date = '2013-07-01'), count(*) FROM flights"
            " WHERE flight_date = '2013-07-31'",
            JULY,
        ),
        ("WITH july AS (FROM flights WHERE flight_date = '2013-07-04') FROM july a, july b", Dates(DAY, DAY)),
        ("SELECT 1", NO_DATES),
        ("FROM airports", NO_DATES),
        ("DESCRIBE flights", NO_DATES),
        ("FROM flights LIMIT 0", NO_DATES),
        ("SELECT number, listed_at FROM snapshot WHERE number > 0", NO_DATES),
        ("SELECT count(*) FROM flights, snapshot WHERE flight_date = '2013-07-04' AND number > 0", Dates(DAY, DAY)),
    ],
)
def test_a_query_that_names_its_dates_needs_no_others(
    connection: duckdb.DuckDBPyConnection, query: str, dates: Dates
) -> None:
    assert dates_of(connection, query) == dates


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM flights",
        "FROM flights WHERE month(flight_date) = 7",
        "FROM flights WHERE flight_date <> '2013-07-04'",
        "FROM flights WHERE carrier = E'x\nflight_date=''2013-07-04''::DATE'",
        "SELECT count(*) FROM flights WHERE flight_date = '2013-07-04' UNION ALL SELECT count(*) FROM flights",
        "FROM flights WHERE flight_date = (SELECT max(flight_date) FROM flights)",
        "FROM flights WHERE flight_date <= 'infinity'",
        "FROM flights JOIN read_csv('/dev/null', columns = {'d': 'DATE'}) ON d = flight_date",
        "FROM (FROM flights WHERE flight_date = '2013-07-04') USING SAMPLE 10 ROWS",
        "SELECT * FROM flights, glob('/nowhere/*') WHERE flight_date = '2013-07-04'",
        "SET threads = 1; FROM flights WHERE flight_date = '2013-07-04'",
        "CREATE TEMP TABLE t AS FROM flights WHERE flight_date = '2013-07-04'",
        "EXPLAIN ANALYZE FROM flights WHERE flight_date = '2013-07-04'",
        "FROM lake.flights WHERE flight_date = '2013-07-04'",
        "",
    ],
)
def test_all_dates_where_it_is_not_certain_and_no_transaction_is_left(
    connection: duckdb.DuckDBPyConnection, query: str
) -> None:
    assert dates_of(connection, query) == ALL_DATES
    connection.begin()
    connection.rollback()


@pytest.mark.parametrize("query", ["SELEC 1", "FROM nowhere", "SELECT flight_day FROM flights"])
def test_what_is_no_query_is_refused_before_anything_is_read(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    with pytest.raises(QueryError, match=r"Parser Error|Catalog Error|Binder Error"):
        dates_of(connection, query)
    connection.begin()
    connection.rollback()


def test_the_clock_stands_still_until_the_query_is_run(connection: duckdb.DuckDBPyConnection) -> None:
    """Else a download over midnight would give another day than the one that was fetched."""
    found = dates_of(connection, "FROM flights WHERE flight_date = current_date")
    before = connection.execute("SELECT now(), current_date").fetchone()
    assert before is not None
    assert found == Dates(before[1], before[1])
    connection.execute("ATTACH ':memory:' AS plan")
    assert connection.execute("SELECT now(), current_date").fetchone() == before


def test_the_stand_ins_are_gone_when_the_query_is_run(connection: duckdb.DuckDBPyConnection) -> None:
    dates_of(connection, "FROM flights WHERE flight_date = '2013-07-04'")
    for view in ("flights", "probes", "landing", "snapshot"):
        with pytest.raises(duckdb.CatalogException, match=view):
            connection.execute(f"FROM {view}")


def test_random_queries_have_the_same_answer_over_their_dates_alone(
    connection: duckdb.DuckDBPyConnection, pytestconfig: pytest.Config
) -> None:
    seed, count = pytestconfig.getoption("seed"), pytestconfig.getoption("queries")
    rng = random.Random(seed)
    narrowed = 0
    with duckdb.connect() as data:
        data.execute("SET TimeZone = 'UTC'")
        data.register("rows", table(_flights(rng)))
        data.execute("CREATE TABLE every AS FROM rows")
        for number in range(count):
            query = random_queries.query(rng)
            dates = dates_of(connection, query)
            if dates != ALL_DATES:
                connection.rollback()
                narrowed += 1
            expected = _answer(data, query, ALL_DATES)
            assert _answer(data, query, dates) == expected, f"seed {seed}, query {number}, {dates}: {query}"
    assert narrowed > count / 6, "hardly any query says which dates it needs: this shows nothing"


def _flights(rng: random.Random) -> list[dict[str, Any]]:
    days = [random_queries.FIRST + dt.timedelta(days=day) for day in range(random_queries.DAYS)]
    return [
        row(str(day), rng.randrange(1, 50), carrier=rng.choice(("UA", "AA", "DL"))) for day in days for _ in range(3)
    ]


def _answer(data: duckdb.DuckDBPyConnection, query: str, dates: Dates) -> list[str]:
    first, last = dates.first or dt.date.min, dates.last or dt.date.max
    data.execute(
        "CREATE OR REPLACE TEMP VIEW flights AS FROM every"
        f" WHERE flight_date BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"
    )
    return sorted(map(repr, data.execute(query).fetchall()))
