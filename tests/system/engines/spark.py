"""Questions of `/v1/stats` in Spark SQL, over the files of the Delta table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.system.integration.oracle import MEASURES, STRING_FILTERS

_GROUPS = {
    "flight_date": "CAST(flight_date AS STRING)",
    "month": "date_format(flight_date, 'yyyy-MM')",
    "weekday": "CAST(weekday(flight_date) + 1 AS BIGINT)",
    "hour": "CAST(scheduled_departure_hour AS BIGINT)",
    "route": "concat(origin, '-', destination)",
}

_MEASURES = """
    count(*) AS flights,
    count_if(status IN ('departed', 'arrived', 'diverted')) AS departed,
    count_if(status = 'arrived') AS arrived,
    count_if(status = 'cancelled') AS cancelled,
    count_if(status = 'diverted') AS diverted,
    count_if(status = 'cancelled') / nullif(count(*), 0) AS cancellation_rate,
    count_if(departure < 15) / nullif(count(departure), 0) AS on_time_departure_rate,
    count_if(arrival < 15) / nullif(count(arrival), 0) AS on_time_arrival_rate,
    sum(departure) / count(departure) AS departure_delay_mean,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY departure) AS departure_delay_p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY departure) AS departure_delay_p90,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY departure) AS departure_delay_p95,
    max(departure) AS departure_delay_max,
    sum(arrival) / count(arrival) AS arrival_delay_mean,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY arrival) AS arrival_delay_p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY arrival) AS arrival_delay_p90,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY arrival) AS arrival_delay_p95,
    max(arrival) AS arrival_delay_max"""

_COUNTED = """
    SELECT *,
        IF(status IN ('departed', 'arrived', 'diverted'), departure_delay_minutes, NULL) AS departure,
        IF(status = 'arrived', arrival_delay_minutes, NULL) AS arrival
    FROM flights"""


def sql(question: Mapping[str, Any]) -> str:
    """The question, over a view `flights` of the month files; one row more than its limit, to know of further ones."""
    groups: list[str] = question.get("group_by", [])
    selected = [f"{_GROUPS.get(group, group)} AS `{group}`" for group in groups]
    order = [_term(term) for term in question.get("order_by", [])] + [f"`{group}` ASC" for group in groups]
    text = f"SELECT {', '.join([*selected, _MEASURES])} FROM ({_COUNTED}) WHERE {_where(question)}"
    if groups:
        text += f" GROUP BY {', '.join(str(1 + index) for index in range(len(groups)))}"
    if order:
        text = f"SELECT * FROM ({text}) ORDER BY {', '.join(order)}"
    return f"{text} LIMIT {question.get('limit', 1000) + 1}"


def columns(question: Mapping[str, Any]) -> list[str]:
    return [*question.get("group_by", []), *MEASURES]


def _term(term: str) -> str:
    return f"`{term.removeprefix('-')}` {'DESC' if term.startswith('-') else 'ASC'} NULLS LAST"


def _where(question: Mapping[str, Any]) -> str:
    conditions = ["true"]
    for name in STRING_FILTERS:
        if name in question:
            conditions.append(f"{name} IN ({', '.join(repr(value) for value in question[name])})")
    if "flight_number" in question:
        conditions.append(f"flight_number IN ({', '.join(map(str, question['flight_number']))})")
    if "date_from" in question:
        conditions.append(f"flight_date >= DATE '{question['date_from']}'")
    if "date_to" in question:
        conditions.append(f"flight_date <= DATE '{question['date_to']}'")
    return " AND ".join(conditions)
