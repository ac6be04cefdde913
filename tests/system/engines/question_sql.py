"""Questions of `/v1/stats` in SQL: whole ones in the words of an engine, and their filters in everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.system.integration.oracle import MEASURES, STRING_FILTERS


@dataclass(frozen=True)
class Dialect:
    """How an engine quotes a name, and its words for the groups that are computed from `flight_date`."""

    quote: str
    month: str
    week: str
    weekday: str

    def name(self, column: str) -> str:
        return f"{self.quote}{column}{self.quote}"

    def group(self, name: str) -> str:
        groups = {
            "flight_date": "CAST(flight_date AS STRING)",
            "week": self.week,
            "month": self.month,
            "quarter": "concat(year(flight_date), '-Q', quarter(flight_date))",
            "year": "CAST(year(flight_date) AS BIGINT)",
            "weekday": f"CAST({self.weekday} AS BIGINT)",
            "hour": "CAST(scheduled_departure_hour AS BIGINT)",
            "flight_number": "CAST(flight_number AS BIGINT)",
            "route": "concat(origin, '-', destination)",
        }
        return groups.get(name, name)


DUCKDB = Dialect(
    quote='"',
    month="strftime(flight_date, '%Y-%m')",
    week="strftime(flight_date, '%G-W%V')",
    weekday="isodow(flight_date)",
)
SPARK = Dialect(
    quote="`",
    month="date_format(flight_date, 'yyyy-MM')",
    week="concat(extract(YEAROFWEEK FROM flight_date), '-W', lpad(extract(WEEK FROM flight_date), 2, '0'))",
    weekday="weekday(flight_date) + 1",
)

_COUNTS = """
    count(*) AS flights,
    count(*) FILTER (WHERE status IN ('departed', 'arrived', 'diverted')) AS departed,
    count(*) FILTER (WHERE status = 'arrived') AS arrived,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE status = 'diverted') AS diverted,
    count(*) FILTER (WHERE status = 'cancelled') / nullif(count(*), 0) AS cancellation_rate,
    count(*) FILTER (WHERE departure < {late}) / nullif(count(departure), 0) AS on_time_departure_rate,
    count(*) FILTER (WHERE arrival < {late}) / nullif(count(arrival), 0) AS on_time_arrival_rate"""

_DELAYS = """,
    sum({0}) / nullif(count({0}), 0) AS {0}_delay_mean,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY {0}) AS {0}_delay_p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY {0}) AS {0}_delay_p90,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY {0}) AS {0}_delay_p95,
    max({0}) AS {0}_delay_max"""

_COUNTED = """
    SELECT *,
        IF(status IN ('departed', 'arrived', 'diverted'), departure_delay_minutes, NULL) AS departure,
        IF(status = 'arrived', arrival_delay_minutes, NULL) AS arrival
    FROM {}"""


def sql(dialect: Dialect, source: str, question: Mapping[str, Any]) -> str:
    """The question over a table of flights; one row more than its limit, to know of further ones."""
    groups: list[str] = question.get("group_by", [])
    selected = [f"{dialect.group(group)} AS {dialect.name(group)}" for group in groups]
    counts = _COUNTS.format(late=question.get("on_time_minutes", 15))
    measures = counts + _DELAYS.format("departure") + _DELAYS.format("arrival")
    text = f"SELECT {', '.join([*selected, measures])} FROM ({_COUNTED.format(source)}) AS counted"
    conditions = [where(question) or "true"]
    if "weekday" in question:
        conditions.append(_is_in(dialect.weekday, question["weekday"]))
    text += f" WHERE {' AND '.join(conditions)}"
    if groups:
        text += f" GROUP BY {', '.join(str(1 + index) for index in range(len(groups)))}"
    if "min_flights" in question:
        text += f" HAVING count(*) >= {question['min_flights']}"
    if order := [*question.get("order_by", []), *groups]:
        text = f"SELECT * FROM ({text}) AS answered ORDER BY {', '.join(_term(dialect, term) for term in order)}"
    return f"{text} LIMIT {_limit(question) + 1}"


def answer(question: Mapping[str, Any], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """The rows of that SQL, as the API says them."""
    columns = [*question.get("group_by", []), *MEASURES]
    data = [dict(zip(columns, row, strict=True)) for row in rows]
    return {"data": data[: _limit(question)], "truncated": len(data) > _limit(question)}


def where(question: Mapping[str, Any]) -> str:
    """The question's filters of columns: `carrier IN ('UA') AND ...`, or nothing. All engines read it alike.

    Not that of the weekday, which is none: each has a function of its own for it.
    """
    columns = {name: name for name in (*STRING_FILTERS, "flight_number")} | {"hour": "scheduled_departure_hour"}
    conditions = [_is_in(column, question[name]) for name, column in columns.items() if name in question]
    if "date_from" in question:
        conditions.append(f"flight_date >= '{question['date_from']}'")
    if "date_to" in question:
        conditions.append(f"flight_date <= '{question['date_to']}'")
    return " AND ".join(conditions)


def _is_in(expression: str, values: list[Any]) -> str:
    return f"{expression} IN ({', '.join(map(repr, values))})"


def _limit(question: Mapping[str, Any]) -> int:
    limit: int = question.get("limit", 1000)
    return limit


def _term(dialect: Dialect, term: str) -> str:
    direction = "DESC" if term.startswith("-") else "ASC"
    return f"{dialect.name(term.removeprefix('-'))} {direction} NULLS LAST"
