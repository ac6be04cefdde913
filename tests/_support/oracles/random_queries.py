"""Random SQL queries over the view `flights`: many filters on flight_date, in many places."""

from __future__ import annotations

import datetime as dt
import random

FIRST = dt.date(2013, 1, 1)
DAYS = 181


def query(rng: random.Random) -> str:
    """A query with one answer, whatever the order of its rows."""
    return rng.choice(_SHAPES).format(
        p=_condition(rng),
        q=_condition(rng),
        a=_condition(rng, "a."),
        b=_condition(rng, "b."),
        join=rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")),
        outer=rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")),
        set=rng.choice(("UNION ALL", "UNION", "EXCEPT", "INTERSECT")),
        exists=rng.choice(("EXISTS", "NOT EXISTS")),
        n=rng.randrange(1, 40),
    )


_SHAPES = (
    "SELECT count(*), sum(flight_number), min(flight_date) FROM flights WHERE {p}",
    "SELECT carrier, count(*) FROM flights WHERE {p} GROUP BY carrier HAVING count(*) > {n}",
    "SELECT flight_date, carrier, flight_number FROM flights WHERE {p} AND {q}",
    "SELECT count(*) FILTER ({p}), count(*) FILTER ({q}) FROM flights",
    "SELECT count(*) FILTER ({p}) FROM flights WHERE {q}",
    "SELECT count(*), sum(a.flight_number) FROM flights a {join} flights b ON a.flight_date = b.flight_date"
    " AND a.flight_number = b.flight_number AND {b}",
    "SELECT count(*), sum(a.flight_number) FROM flights a {outer} flights b ON a.flight_date = b.flight_date"
    " AND a.flight_number = b.flight_number WHERE {a} AND {b}",
    "SELECT count(*) FROM flights a {outer} flights b ON a.flight_date = b.flight_date + 1 WHERE {a}",
    "SELECT count(*) FROM flights a JOIN flights b ON a.flight_date < b.flight_date"
    " AND a.flight_number = b.flight_number WHERE {a} AND {b}",
    "SELECT flight_date, flight_number FROM flights WHERE {p} {set} SELECT flight_date, flight_number FROM flights"
    " WHERE {q}",
    "SELECT count(*) FROM (SELECT flight_date FROM flights WHERE {p} {set} SELECT flight_date FROM flights)",
    "WITH t AS (SELECT * FROM flights WHERE {p}) SELECT count(*) FROM t x JOIN t y USING (flight_date, carrier)",
    "WITH t AS MATERIALIZED (SELECT * FROM flights) SELECT count(*) FROM t WHERE {p}",
    "SELECT (SELECT max(flight_number) FROM flights WHERE {q}), count(*) FROM flights WHERE {p}",
    "SELECT count(*) FROM flights WHERE {p} AND flight_date >= (SELECT max(flight_date) FROM flights WHERE {q})",
    "SELECT count(*) FROM flights a WHERE {a} AND {exists} (SELECT 1 FROM flights b WHERE {b}"
    " AND b.flight_date = a.flight_date AND b.carrier = a.carrier)",
    "SELECT count(*) FROM flights WHERE flight_number IN (SELECT flight_number FROM flights WHERE {q}) AND {p}",
    "SELECT * FROM (SELECT flight_date, carrier, flight_number, row_number() OVER (PARTITION BY flight_date"
    " ORDER BY carrier, flight_number) AS n FROM flights) WHERE {p} AND n < 3",
    "SELECT * FROM (SELECT flight_date, carrier, flight_number, count(*) OVER (ORDER BY flight_date) AS n FROM flights)"
    " WHERE {p}",
    "SELECT * FROM (SELECT flight_date, carrier, flight_number FROM flights ORDER BY ALL LIMIT {n}) WHERE {p}",
    "SELECT flight_date, carrier, flight_number FROM flights WHERE {p} ORDER BY ALL DESC LIMIT {n}",
    "SELECT DISTINCT flight_date FROM flights WHERE {p}",
    "SELECT CASE WHEN {p} THEN 'yes' ELSE carrier END AS x, count(*) FROM flights GROUP BY x",
    "SELECT count(*) FROM flights, (SELECT flight_date AS day FROM flights WHERE {p} GROUP BY ALL)"
    " WHERE flight_date = day",
    "SELECT count(*) FROM flights JOIN (VALUES (DATE '2013-02-03'), (DATE '2013-05-06')) v(d) ON flight_date = d"
    " WHERE {p}",
    "SELECT u, count(*) FROM (SELECT unnest([flight_date, flight_date + 1]) AS u FROM flights WHERE {p}) GROUP BY u",
    "SELECT * FROM (SELECT flight_date, min(carrier) AS carrier, min(flight_number) AS flight_number FROM flights"
    " GROUP BY flight_date) WHERE {p}",
    "SELECT * FROM (SELECT flight_date, min(carrier) AS carrier, max(flight_number) AS flight_number FROM flights"
    " GROUP BY ROLLUP (flight_date)) WHERE {p}",
)


def _condition(rng: random.Random, table: str = "", depth: int = 2) -> str:
    column = f"{table}flight_date"
    if depth and rng.random() < 0.45:
        left, right = (_condition(rng, table, depth - 1) for _ in range(2))
        return rng.choice((f"({left} AND {right})", f"({left} AND {right})", f"({left} OR {right})", f"(NOT {left})"))
    day, later = sorted(FIRST + dt.timedelta(days=rng.randrange(-20, DAYS + 20)) for _ in range(2))
    one, two = f"'{day}'", f"DATE '{later}'"
    comparison = rng.choice(("<", "<=", "=", ">=", ">", "<>", "IS NOT DISTINCT FROM"))
    return rng.choice(
        (
            *(f"{column} {comparison} {one}", f"{two} {comparison} {column}", f"{column} BETWEEN {one} AND {two}"),
            *(f"{column} = {two}", f"{column} >= {one}", f"{column} >= {one} AND {column} < {two}"),
            f"{column} IN ({one}, {two})",
            f"{column} IN ({one}, {two}, '2013-03-03', '2013-03-04', '2013-03-05', '2013-04-01')",
            f"{column} NOT IN ({one}, {two})",
            f"date_trunc('month', {column}) = '{day.replace(day=1)}'",
            f"month({column}) = {day.month}",
            f"{column}::VARCHAR LIKE '{day:%Y-%m}%'",
            f"{column} + 30 > {one}",
            f"{column} >= TIMESTAMP '{day} 12:00:00'",
            f"{column} = {two} + 1",
            f"{column} IS NOT NULL",
            f"{table}carrier = 'UA'",
            f"{table}carrier = E'x\\n{column}=''{day}''::DATE'",
            f"{table}flight_number < {rng.randrange(1, 60)}",
        )
    )
