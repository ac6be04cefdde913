"""The SQL of /v1/stats: every definition of a statistic, once.

Means and rates are an exact integer over an exact integer, divided once. A percentile is the value at 1-based
rank (p*n + 99) div 100 of the sorted values: quantile_disc computes that rank in integers when it is given
decimals (0.95, not 0.95::DOUBLE).

Flights are counted one by one, or from histograms. A histogram row stands for `n` flights of a
group with the same flags and departure delay (`flags` is not null), or with the same arrival delay
(`flags` is null). Histograms of different files add up exactly. Where no group spans two months, a
rollup has the final rows instead.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from query_service.engine.database import LocalFiles, Query
from query_service.queries.filters_sql import COMPUTED, conditions
from query_service.queries.model import METRICS, MIN_FLIGHTS, Filters, RollupKey, StatsRequest

POSITION: Final = "rollup_position"
"""The column of `rollup_query` that says which rollup a row is of, from 0 on."""

_PERCENTS: Final = (50, 90, 95)
_SIGN: Final = "sign"


@dataclass(frozen=True)
class _Group:
    """A group column: the expression to group by (cheap to compare) and its text, once a group."""

    by: tuple[str, ...]
    shown: str


_GROUPS: Final = {
    "route": _Group(
        ("origin AS route_origin", "destination AS route_destination"), "route_origin || '-' || route_destination"
    ),
    "flight_number": _Group(("flight_number",), "flight_number::BIGINT"),
    "week": _Group(  # of ISO 8601, whose years begin and end with whole weeks
        ("isoyear(flight_date) * 100 + week(flight_date) AS week_number",),
        "format('{:04d}-W{:02d}', week_number // 100, week_number % 100)",
    ),
    "month": _Group(
        ("year(flight_date) * 100 + month(flight_date) AS month_number",),
        "format('{:04d}-{:02d}', month_number // 100, month_number % 100)",
    ),
    "quarter": _Group(
        ("year(flight_date) * 10 + quarter(flight_date) AS quarter_number",),
        "format('{:04d}-Q{:d}', quarter_number // 10, quarter_number % 10)",
    ),
    "year": _Group(("year(flight_date) AS year_number",), "year_number::BIGINT"),
    "weekday": _Group((f"{COMPUTED['weekday']} AS weekday_number",), "weekday_number::BIGINT"),
    "hour": _Group((f"{COMPUTED['hour']} AS hour_number",), "hour_number::BIGINT"),
}

_FLAGS: Final = {
    "is_departed": "status IN ('departed', 'arrived', 'diverted')",
    "is_arrived": "status = 'arrived'",
    "is_cancelled": "status = 'cancelled'",
    "is_diverted": "status = 'diverted'",
}


@dataclass(frozen=True)
class _Counting:
    """How rows are counted: single flights, or histogram rows that stand for several."""

    flights: str
    those: str
    known: str
    total: str
    percentiles: str

    def columns(self, on_time_minutes: int) -> str:
        """SELECT's list; on time is below that delay."""
        counts = (f"{self.those.format(are=flag)} AS {flag.removeprefix('is_')}" for flag in _FLAGS)
        delays = (self._delays(kind, on_time_minutes) for kind in ("departure", "arrival"))
        return ", ".join((f"{self.flights} AS flights", *counts, *delays))

    def _delays(self, kind: str, on_time_minutes: int) -> str:
        delay = f"{kind}_delay"
        return f"""
    {self.known.format(delay=delay)} AS {kind}_known,
    {self.total.format(delay=delay)} AS {kind}_sum,
    {self.those.format(are=f"({delay} < {on_time_minutes})")} AS {kind}_on_time,
    {self.percentiles.format(delay=delay)} AS {kind}_percentiles,
    max({delay}) AS {kind}_max"""


_ONE_BY_ONE: Final = _Counting(
    flights="count(*)",
    those="count_if({are})",
    known="count({delay})",
    total="sum({delay})",
    percentiles=f"quantile_disc({{delay}}, [{', '.join(f'{p / 100:g}' for p in _PERCENTS)}])",
)
_FROM_HISTOGRAMS: Final = _Counting(
    flights="sum(n) FILTER (flags IS NOT NULL)",
    those="sum({are}::INTEGER * n)",
    known="sum(n) FILTER ({delay} IS NOT NULL)",
    total="sum({delay} * n)",
    percentiles=f"[{', '.join(f'min({{delay}}) FILTER (up_to >= (known * {p} + 99) // 100)' for p in _PERCENTS)}]",
)


def _ratio(numerator: str, denominator: str) -> str:
    """Null when there is nothing to divide by (an empty sum is null already)."""
    return f"{numerator}::BIGINT::DOUBLE / nullif({denominator}, 0)::BIGINT::DOUBLE"


def _delays(kind: str) -> str:
    percentiles = ", ".join(
        f"{kind}_percentiles[{position}]::BIGINT AS {kind}_delay_p{p}" for position, p in enumerate(_PERCENTS, 1)
    )
    return f"""
    {_ratio(f"{kind}_sum", f"{kind}_known")} AS {kind}_delay_mean,
    {percentiles},
    {kind}_max::BIGINT AS {kind}_delay_max"""


_RESULT: Final = f"""
    coalesce(flights, 0)::BIGINT AS flights,
    coalesce(departed, 0)::BIGINT AS departed,
    coalesce(arrived, 0)::BIGINT AS arrived,
    coalesce(cancelled, 0)::BIGINT AS cancelled,
    coalesce(diverted, 0)::BIGINT AS diverted,
    {_ratio("cancelled", "flights")} AS cancellation_rate,
    {_ratio("departure_on_time", "departure_known")} AS on_time_departure_rate,
    {_ratio("arrival_on_time", "arrival_known")} AS on_time_arrival_rate,
    {_delays("departure")},
    {_delays("arrival")}"""


def stats_query(request: StatsRequest, local: LocalFiles, changes: pa.Table | None = None) -> Query:
    """The answer from single flights. It has limit + 1 rows when it is truncated.

    `changes`: of the tail (`engine.long_tail`), which is not read then.
    """
    state = replace(local, is_changed=changes is not None)
    rows = _rows(request.group_by, _flights(request.group_by, request.filters, state), request.on_time_minutes)
    return Query(f"{rows} {_ordered(request)}", conditions(request.filters).values, _tables(changes))


def rollup_query(rollup_key: RollupKey, local: LocalFiles, starts: Sequence[dt.date], most_rows: int) -> Query:
    """The rollups of the files of `local`, which has no tail, for requests with that key.

    `starts`: the first date of each rollup, ascending; it ends where the next one begins. Its rows are final, or
    histograms. It returns `most_rows` + 1 rows when there are too many.
    """
    begun = (f"(flight_date >= DATE '{date.isoformat()}')::INTEGER" for date in starts[1:])
    flights = _flights(rollup_key.group_by, rollup_key.filters, local, f"{' + '.join(['0', *begun])} AS {POSITION}")
    if rollup_key.on_time_minutes is not None:
        select = _rows(rollup_key.group_by, flights, rollup_key.on_time_minutes, POSITION)
    else:
        select = _histograms(rollup_key.group_by, flights, POSITION)
    return Query(f"{select} LIMIT {most_rows + 1}", conditions(rollup_key.filters).values)


def merge_rollups_query(rollup_key: RollupKey, histograms: pa.Table) -> Query:
    """Merges the histograms of several months."""
    return Query(_summed(rollup_key.group_by, "SELECT * FROM rollups"), tables={"rollups": histograms})


def stats_from_rollups_query(
    request: StatsRequest, rollups: pa.Table, rest: LocalFiles, changes: pa.Table | None = None
) -> Query:
    """The answer from rollups and the flights of other files: the same bytes as `stats_query`.

    `changes`: of the tail. Histograms take them as counts above and below zero; final rows take them as flights, and
    no month that is changed is among them.
    """
    rollup_key, names = request.rollup_key, _listed([f'"{name}"' for name in request.group_by])
    matching = conditions(request.filters)
    added = "SELECT * FROM rollups"
    has_more = bool(rest.files.all) or changes is not None
    if has_more and rollup_key.is_within_months:
        state = replace(rest, is_changed=changes is not None)
        flights = _flights(rollup_key.group_by, request.filters, state)
        added += f" UNION ALL {_rows(rollup_key.group_by, flights, request.on_time_minutes)}"
    elif has_more and changes is None:
        added += f" UNION ALL {_histograms(rollup_key.group_by, _flights(rollup_key.group_by, request.filters, rest))}"
    elif has_more:
        flights = _flights(rollup_key.group_by, request.filters, rest, _SIGN)
        added += f" UNION ALL {_histograms(rollup_key.group_by, flights, count=f'sum({_SIGN})')}"
    if rollup_key.is_within_months:
        rows = f"SELECT {names}{', '.join(METRICS)} FROM ({added})"
    else:
        summed = _summed(rollup_key.group_by, added)
        rows = _rows_from_histograms(request.group_by, summed, request.on_time_minutes)
    values = matching.values if has_more else {}
    return Query(f"{rows} {_ordered(request)}", values, {"rollups": rollups, **_tables(changes)})


def _tables(changes: pa.Table | None) -> dict[str, pa.Table]:
    return {} if changes is None else {"tail_changes": changes}


def _flights(group_by: Sequence[str], filters: Filters, local: LocalFiles, extra_column: str = "") -> str:
    """SELECT of the flights that match: what they are grouped by, flags and delays."""
    matching = conditions(filters)
    flags = (f"{condition} AS {flag}" for flag, condition in _FLAGS.items())
    return f"""
SELECT {_listed([*_expressions(group_by), *([extra_column] if extra_column else []), *flags])}
    CASE WHEN is_departed THEN departure_delay_minutes END AS departure_delay,
    CASE WHEN is_arrived THEN arrival_delay_minutes END AS arrival_delay
FROM ({local.signed(matching.before) if extra_column == _SIGN else local.state(matching.before)})
WHERE {matching.after}"""


def _rows(group_by: Sequence[str], flights: str, on_time_minutes: int, extra_column: str = "") -> str:
    """SELECT of the result's rows, unordered; `extra_column` is an additional group column."""
    columns = [*_columns(group_by), *([extra_column] if extra_column else [])]
    return f"""
SELECT {_listed([*_shown(group_by), *([extra_column] if extra_column else [])])}{_RESULT}
FROM (SELECT {_listed(columns)}{_ONE_BY_ONE.columns(on_time_minutes)} FROM ({flights}) {_grouped(columns)})"""


def _histograms(
    group_by: Sequence[str], flights: str, extra_column: str = "", count: str = "count(*)::UINTEGER"
) -> str:
    """SELECT of histograms: each flight counts in a row by flags and in one by arrival delay."""
    columns = _listed([*_columns(group_by), *([extra_column] if extra_column else [])])
    flags = " + ".join(f"{flag}::UTINYINT * {1 << bit}" for bit, flag in enumerate(_FLAGS))
    return f"""
SELECT {columns}flags, coalesce(departure_delay, arrival_delay) AS delay, {count} AS n
FROM (SELECT *, ({flags})::UTINYINT AS flags FROM ({flights}))
GROUP BY GROUPING SETS (({columns}flags, departure_delay), ({columns}arrival_delay))"""


def _summed(group_by: Sequence[str], histograms: str) -> str:
    columns = _listed(_columns(group_by))
    return (
        f"SELECT {columns}flags, delay, sum(n)::UINTEGER AS n FROM ({histograms})"
        f" GROUP BY {columns}flags, delay HAVING sum(n) > 0"
    )


def _rows_from_histograms(group_by: Sequence[str], histograms: str, on_time_minutes: int) -> str:
    """SELECT of the result's rows, unordered. Doubles sum integers exactly and twice as fast."""
    columns = _columns(group_by)
    kind = _listed(columns) + "flags IS NULL"
    flags = (f"(flags & {1 << bit}) <> 0 AS {flag}" for bit, flag in enumerate(_FLAGS))
    return f"""
SELECT {_listed(_shown(group_by))}{_RESULT}
FROM (
    SELECT {_listed(columns)}{_FROM_HISTOGRAMS.columns(on_time_minutes)}
    FROM (
        SELECT {_listed(columns)}flags, n::BIGINT AS n, {_listed(list(flags))}
            CASE WHEN flags IS NOT NULL THEN delay END AS departure_delay,
            CASE WHEN flags IS NULL THEN delay END AS arrival_delay,
            sum(n::DOUBLE) OVER (PARTITION BY {kind} ORDER BY delay) AS up_to,
            (sum(n::DOUBLE) FILTER (delay IS NOT NULL) OVER (PARTITION BY {kind}))::BIGINT AS known
        FROM ({histograms})
    ) {_grouped(columns)}
)"""


def _of(name: str) -> _Group:
    return _GROUPS.get(name, _Group((name,), name))


def _expressions(group_by: Sequence[str]) -> list[str]:
    return [expression for name in group_by for expression in _of(name).by]


def _columns(group_by: Sequence[str]) -> list[str]:
    return [expression.rpartition(" ")[2] for expression in _expressions(group_by)]


def _shown(group_by: Sequence[str]) -> list[str]:
    return [f'{_of(name).shown} AS "{name}"' for name in group_by]


def _grouped(columns: Sequence[str]) -> str:
    return f"GROUP BY {', '.join(columns)}" if columns else ""


def _listed(items: Sequence[str]) -> str:
    return "".join(f"{item}, " for item in items)


def _ordered(request: StatsRequest) -> str:
    """As asked, then by the groups: a total order, since a row is known by its groups.

    Of groups that are large enough, and one row more than the limit.
    """
    terms = [f'"{o.column}" {"DESC" if o.descending else "ASC"} NULLS LAST' for o in request.order_by]
    asked = {order.column for order in request.order_by}
    # Of finished rows: a group may be counted in several files.
    enough = f"WHERE flights >= {request.min_flights} " if request.min_flights > MIN_FLIGHTS else ""
    terms += [f'"{group}" ASC NULLS LAST' for group in request.group_by if group not in asked]
    order = f"ORDER BY {', '.join(terms)} " if terms else ""
    return f"{enough}{order}LIMIT {request.limit + 1}"
