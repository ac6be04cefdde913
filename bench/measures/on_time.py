"""Measure 21: the questions of the OnTime benchmark, asked a second time, against the best of DuckDB and chDB.

The numbers are those of ClickHouse's documentation. 10 is not asked: nothing excludes days of the
week or airports of some states, and a filter takes a hundred values. What the API does not compute
its caller does: the mean of 0, the order of 2 to 6, the cities of 8, and counts of late flights
from rates.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from bench.asker import Asker
from bench.figure import Figure, Goal, Spread, compared
from bench.http import Client, answered
from bench.rig import NotMeasuredError, Rig
from bench.rounds import interleaved
from bench.scale import Lake

_ENGINES = ("duckdb", "chdb")
_GOAL = Goal(0.2)
_CLOSE = 1e-9  # of percentages: one side divides before it subtracts, the other after

Row = Mapping[str, Any]
Rows = list[list[Any]]


@dataclass(frozen=True)
class Question:
    """`sql` has places for {flights}, {weekday}, the {years} and one {year}; `rows`: of the API's, as the SQL's."""

    number: int
    group_by: str
    dates: str
    """Which of the dates of `_dates` it is about; empty: all."""
    sql: str
    rows: Callable[[Sequence[Row]], Rows]
    on_time_minutes: int | None = None

    def path(self, dates: Mapping[str, tuple[str, str]]) -> str:
        """Of /v1/stats."""
        query: dict[str, Any] = {"group_by": self.group_by}
        if self.dates:
            query |= dict(zip(("date_from", "date_to"), dates[self.dates], strict=True))
        if self.on_time_minutes is not None:
            query["on_time_minutes"] = self.on_time_minutes
        return f"/v1/stats?{urlencode(query)}"


def _counts(rows: Sequence[Row], group: str) -> Rows:
    return [[row[group], row["flights"]] for row in rows]


def _late(rows: Sequence[Row], group: str) -> Rows:
    """How many departed late, most first: of all whose delay is known, those that were not on time."""
    late = [[row[group], row["departed"] - round(row["on_time_departure_rate"] * row["departed"])] for row in rows]
    return _most_first([row for row in late if row[1]])[:10]


def _percent(rows: Sequence[Row], group: str) -> Rows:
    return [[row[group], 100 * (1 - row["on_time_departure_rate"])] for row in rows]


def _cities(rows: Sequence[Row]) -> Rows:
    return _most_first([list(pair) for pair in Counter(row["destination"] for row in rows).items()])[:10]


def _most_first(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: (-row[1], row[0]))


_LATE = "departure_delay_minutes > 10"
_SHARE = f"count(*) FILTER (WHERE {_LATE}) * 100.0 / count(departure_delay_minutes)"
_LATE_FROM = 11
"""`on_time_minutes` of the same flights: below it they are on time."""

QUESTIONS = (
    Question(
        *(0, "month", ""),
        "SELECT avg(c) FROM (SELECT year(flight_date) AS y, month(flight_date) AS m, count(*) AS c FROM {flights}"
        " GROUP BY y, m) AS months",
        lambda rows: [[sum(row["flights"] for row in rows) / len(rows)]],
    ),
    Question(
        *(1, "weekday", "years"),
        "SELECT {weekday} AS w, count(*) AS c FROM {flights} WHERE {years} GROUP BY w ORDER BY w",
        partial(_counts, group="weekday"),
    ),
    Question(
        *(2, "weekday", "years"),
        f"SELECT {{weekday}} AS w, count(*) AS c FROM {{flights}} WHERE {_LATE} AND {{years}} GROUP BY w"
        " ORDER BY c DESC, w",
        partial(_late, group="weekday"),
        _LATE_FROM,
    ),
    Question(
        *(3, "origin", "years"),
        f"SELECT origin, count(*) AS c FROM {{flights}} WHERE {_LATE} AND {{years}} GROUP BY origin"
        " ORDER BY c DESC, origin LIMIT 10",
        partial(_late, group="origin"),
        _LATE_FROM,
    ),
    Question(
        *(4, "carrier", "year"),
        f"SELECT carrier, count(*) AS c FROM {{flights}} WHERE {_LATE} AND {{year}} GROUP BY carrier"
        " ORDER BY c DESC, carrier LIMIT 10",
        partial(_late, group="carrier"),
        _LATE_FROM,
    ),
    Question(
        *(5, "carrier", "year"),
        f"SELECT carrier, {_SHARE} FROM {{flights}} WHERE {{year}} GROUP BY carrier ORDER BY carrier",
        partial(_percent, group="carrier"),
        _LATE_FROM,
    ),
    Question(
        *(6, "carrier", "years"),
        f"SELECT carrier, {_SHARE} FROM {{flights}} WHERE {{years}} GROUP BY carrier ORDER BY carrier",
        partial(_percent, group="carrier"),
        _LATE_FROM,
    ),
    Question(
        *(7, "year", ""),
        f"SELECT year(flight_date) AS y, {_SHARE} FROM {{flights}} GROUP BY y ORDER BY y",
        partial(_percent, group="year"),
        _LATE_FROM,
    ),
    Question(
        *(8, "destination,origin", "years"),
        "SELECT destination, count(DISTINCT origin) AS u FROM {flights} WHERE {years} GROUP BY destination"
        " ORDER BY u DESC, destination LIMIT 10",
        _cities,
    ),
    Question(
        *(9, "year", ""),
        "SELECT year(flight_date) AS y, count(*) AS c FROM {flights} GROUP BY y ORDER BY y",
        partial(_counts, group="year"),
    ),
)


def measure_on_time(rig: Rig) -> list[Figure]:
    """Answers are not kept, or ours would be those of row 8; rollups are, which the first run makes.

    In that one both peers are asked, then the better one: neither remembers anything.
    """
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
    api = rig.api(lake.url, API_FILE_CACHE_MB="4000", API_DUCKDB_MEMORY_MB="4000", API_QUERY_TIMEOUT_S="120")
    client, asker = api.client(), rig.asker("bench.peers.sql_ask", rig.cores.serving)
    dates = _dates(lake)
    for engine in _ENGINES:  # loads what it needs, and sees every file once
        _asked(asker, QUESTIONS[0], lake, dates, engine)
    sides: dict[int, tuple[str, list[float], list[float]]] = {}
    for question in QUESTIONS:
        path = question.path(dates)
        ours = _ours(client, question, path)
        first = {engine: _asked(asker, question, lake, dates, engine) for engine in _ENGINES}
        for answer in first.values():
            _check_same(question, ours, answer)
        best = min(_ENGINES, key=lambda engine: float(first[engine]["ms"]))
        asked: dict[str, Callable[[], float]] = {
            "ours": partial(_our_ms, client, path),
            "theirs": partial(_peer_ms, asker, question, lake, dates, best),
        }
        found = interleaved(asked, rig.sizes.on_time_runs)
        sides[question.number] = (best, found["ours"], found["theirs"])
    return _figures(lake, sides)


def _figures(lake: Lake, sides: Mapping[int, tuple[str, list[float], list[float]]]) -> list[Figure]:
    """All of them together, and the worst one: each has to reach the goal."""
    what, peer = f"questions of OnTime over {lake.flights:,} flights, second run", "best of DuckDB, chDB"
    ratios = {number: Spread.of(_ratios(ours, theirs)).median for number, (_, ours, theirs) in sides.items()}
    worst = max(ratios, key=lambda number: ratios[number])
    best, ours, theirs = sides[worst]
    note = ", ".join(
        f"{number} {Spread.of(ours).median:.0f} to {Spread.of(theirs).median:.0f} ({engine})"
        for number, (engine, ours, theirs) in sides.items()
    )
    return [
        compared(
            *("21", f"{len(sides)} {what}", "ms"),
            [ms for _, ours, _ in sides.values() for ms in ours],
            peer,
            [ms for _, _, theirs in sides.values() for ms in theirs],
            None,
            f"by question, ms: {note}",
        ),
        compared("21", f"the one of them with the worst ratio, {worst}", "ms", ours, best, theirs, _GOAL),
    ]


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [o / t for o, t in zip(ours, theirs, strict=True)]


def _dates(lake: Lake) -> dict[str, tuple[str, str]]:
    """The benchmark asks for nine years, 2000 to 2008, and for one of them: here all but the last, and the middle."""
    years = sorted({month[:4] for month in lake.months})
    middle = years[len(years) // 2]
    return {
        "years": (f"{years[0]}-01-01", f"{years[max(0, len(years) - 2)]}-12-31"),
        "year": (f"{middle}-01-01", f"{middle}-12-31"),
    }


def _ours(client: Client, question: Question, path: str) -> Rows:
    answer = json.loads(answered(client.get(path)).body)
    if answer["truncated"]:
        raise ValueError(f"question {question.number}: the answer is cut")
    return question.rows(answer["data"])


def _our_ms(client: Client, path: str) -> float:
    return answered(client.get(path)).ms


def _peer_ms(asker: Asker, question: Question, lake: Lake, dates: Mapping[str, tuple[str, str]], engine: str) -> float:
    return float(_asked(asker, question, lake, dates, engine)["ms"])


def _asked(
    asker: Asker, question: Question, lake: Lake, dates: Mapping[str, tuple[str, str]], engine: str
) -> dict[str, Any]:
    conditions = {name: f"flight_date BETWEEN '{first}' AND '{last}'" for name, (first, last) in dates.items()}
    sql = question.sql.format(**_DIALECTS[engine](lake), **conditions)
    answer: dict[str, Any] = asker.ask({"engine": engine, "sql": sql})
    if "missing" in answer:
        raise NotMeasuredError(f"{answer['missing']}: make bench installs requirements.bench.lock")
    return answer


_DIALECTS: Mapping[str, Callable[[Lake], dict[str, str]]] = {
    "duckdb": lambda lake: {
        "flights": f"read_parquet({[str(file) for file in lake.files]})",
        "weekday": "isodow(flight_date)",
    },
    "chdb": lambda lake: {
        "flights": f"file('{lake.files[0].parents[1]}/*/*.parquet', Parquet)",
        "weekday": "toDayOfWeek(flight_date)",
    },
}


def _check_same(question: Question, ours: Rows, theirs: Mapping[str, Any]) -> None:
    """Raises ValueError unless both give the same rows: what answers something else is no peer."""
    expected = theirs["rows"]
    if not ours or len(ours) != len(expected) or not all(map(_is_same, ours, expected)):
        raise ValueError(f"question {question.number}: the peer answers {expected[:2]}, the API {ours[:2]}")


def _is_same(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    """Counts and names are equal; chDB writes large integers as text."""
    return len(ours) == len(theirs) and all(
        math.isclose(o, float(t), rel_tol=_CLOSE) if isinstance(o, (int, float)) else o == t
        for o, t in zip(ours, theirs, strict=True)
    )
