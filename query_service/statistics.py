"""The SQL of /v1/stats: every definition of a statistic, once.

Means and rates are an exact integer over an exact integer, divided once. A percentile is the value at 1-based
rank (p*n + 99) div 100 of the sorted values: quantile_disc computes that rank in integers when it is given
decimals (0.95, not 0.95::DOUBLE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from query_service.answering import Local, View
from query_service.conditions import conditions
from query_service.database import Query
from query_service.question import StatsQuestion
from query_service.rows import Rows

ON_TIME_MINUTES: Final = 15
"""A flight is on time below this delay; early is on time."""


@dataclass(frozen=True)
class _Group:
    """A group column: what is grouped by (cheap to compare), and its text, made once a group and not once a row."""

    by: tuple[str, ...]
    shown: str


_GROUPS: Final = {
    "route": _Group(
        ("origin AS route_origin", "destination AS route_destination"), "route_origin || '-' || route_destination"
    ),
    "month": _Group(
        ("year(flight_date) * 100 + month(flight_date) AS month_number",),
        "format('{:04d}-{:02d}', month_number // 100, month_number % 100)",
    ),
    "weekday": _Group(("isodow(flight_date) AS weekday_number",), "weekday_number::BIGINT"),
    "hour": _Group(("scheduled_departure_hour AS hour_number",), "hour_number::BIGINT"),
}

_COUNTS: Final = f"""
    count(*) AS flights,
    sum(is_departed::INTEGER) AS departed,
    sum(is_arrived::INTEGER) AS arrived,
    sum(is_cancelled::INTEGER) AS cancelled,
    sum(is_diverted::INTEGER) AS diverted,
    count(departure_delay) AS departure_known,
    sum(departure_delay) AS departure_sum,
    sum((departure_delay < {ON_TIME_MINUTES})::INTEGER) AS departure_on_time,
    quantile_disc(departure_delay, [0.5, 0.9, 0.95]) AS departure_percentiles,
    max(departure_delay) AS departure_max,
    count(arrival_delay) AS arrival_known,
    sum(arrival_delay) AS arrival_sum,
    sum((arrival_delay < {ON_TIME_MINUTES})::INTEGER) AS arrival_on_time,
    quantile_disc(arrival_delay, [0.5, 0.9, 0.95]) AS arrival_percentiles,
    max(arrival_delay) AS arrival_max"""


def _ratio(numerator: str, denominator: str) -> str:
    """Null when there is nothing to divide by (an empty sum is null already)."""
    return f"{numerator}::BIGINT::DOUBLE / nullif({denominator}, 0)::BIGINT::DOUBLE"


def _delays(kind: str) -> str:
    return f"""
    {_ratio(f"{kind}_sum", f"{kind}_known")} AS {kind}_delay_mean,
    {kind}_percentiles[1]::BIGINT AS {kind}_delay_p50,
    {kind}_percentiles[2]::BIGINT AS {kind}_delay_p90,
    {kind}_percentiles[3]::BIGINT AS {kind}_delay_p95,
    {kind}_max::BIGINT AS {kind}_delay_max"""


_RESULT: Final = f"""
    flights,
    coalesce(departed, 0)::BIGINT AS departed,
    coalesce(arrived, 0)::BIGINT AS arrived,
    coalesce(cancelled, 0)::BIGINT AS cancelled,
    coalesce(diverted, 0)::BIGINT AS diverted,
    {_ratio("cancelled", "flights")} AS cancellation_rate,
    {_ratio("departure_on_time", "departure_known")} AS on_time_departure_rate,
    {_ratio("arrival_on_time", "arrival_known")} AS on_time_arrival_rate,
    {_delays("departure")},
    {_delays("arrival")}"""


async def statistics(question: StatsQuestion, view: View) -> Rows:
    """The rows of `question`, in the order that it asks for."""
    table = await view.fetch(view.files(question.dates), lambda local: statistics_query(question, local))
    return Rows(table.slice(0, question.limit), {"truncated": table.num_rows > question.limit})


def statistics_query(question: StatsQuestion, local: Local) -> Query:
    """One row more than the limit, if there is one, says that the answer is cut."""
    matching = conditions(question.filters)
    groups = [_GROUPS.get(name, _Group((name,), name)) for name in question.group_by]
    expressions = [expression for group in groups for expression in group.by]
    columns = [expression.rpartition(" ")[2] for expression in expressions]
    shown = [f'{group.shown} AS "{name}"' for group, name in zip(groups, question.group_by, strict=True)]
    grouped = f"GROUP BY {', '.join(columns)}" if columns else ""
    sql = f"""
SELECT {_listed(shown)}{_RESULT}
FROM (
    SELECT {_listed(columns)}{_COUNTS}
    FROM (
        SELECT {_listed(expressions)}
            status = 'arrived' AS is_arrived,
            status = 'cancelled' AS is_cancelled,
            status = 'diverted' AS is_diverted,
            status IN ('departed', 'arrived', 'diverted') AS is_departed,
            CASE WHEN is_departed THEN departure_delay_minutes END AS departure_delay,
            CASE WHEN is_arrived THEN arrival_delay_minutes END AS arrival_delay
        FROM ({local.state(matching.before)})
        WHERE {matching.after}
    ) {grouped}
)
{_ordered(question)}
LIMIT {question.limit + 1}"""
    return Query(sql, matching.values)


def _listed(items: list[str]) -> str:
    return "".join(f"{item}, " for item in items)


def _ordered(question: StatsQuestion) -> str:
    """As asked, then by the groups: a total order, since a row is known by its groups."""
    terms = [f'"{o.column}" {"DESC" if o.descending else "ASC"} NULLS LAST' for o in question.order_by]
    asked = {order.column for order in question.order_by}
    terms += [f'"{group}" ASC' for group in question.group_by if group not in asked]
    return f"ORDER BY {', '.join(terms)}" if terms else ""
