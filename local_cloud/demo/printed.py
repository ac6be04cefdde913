"""What the demo prints: steps with the time they began, tables of 80 columns, and how to ask this lake."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lakehouse.reference import airports, carriers
from local_cloud.demo.freshness import Freshness
from local_cloud.flights.replay import ReplayReport

WIDTH: Final = 80
QUERY: Final = "SELECT carrier, count(*) AS flights FROM flights GROUP BY ALL ORDER BY 2 DESC"
DUCKDB_QUERY: Final = "SELECT carrier, avg(arrival_delay_minutes) AS mean FROM flights GROUP BY ALL"
_BEGAN: Final = time.monotonic()


def step(text: str) -> None:
    """A line of progress, with the seconds so far."""
    say(f"[{time.monotonic() - _BEGAN:3.0f} s] {text}")


def say(*lines: str) -> None:
    """As they are: a command that is cut at the 80th column could not be copied."""
    print(*lines, sep="\n", flush=True)


def tables(*shown: Table) -> None:
    console = Console(width=WIDTH)
    for table in shown:
        console.print(table)


def how_to_ask(api_url: str, exports: Mapping[str, str]) -> list[str]:
    """Addresses, and commands for another terminal, as they can be copied."""
    lines = [f"Dashboard:     {api_url}/", f"API reference: {api_url}/docs", "", "From another terminal:"]
    lines.append(f"  cd {shlex.quote(str(Path.cwd()))}")
    if sys.prefix != sys.base_prefix:
        lines.append(f"  . {shlex.quote(f'{sys.prefix}/bin/activate')}")
    lines += [f"  export {name}={shlex.quote(value)}" for name, value in exports.items()]
    url = exports["LAKE_URL"]
    in_duckdb = f'import lakehouse; lakehouse.connect("{url}").sql("{DUCKDB_QUERY}").show()'
    return [
        *lines,
        f'  python -m lakehouse sql "{QUERY}"',
        f"  curl '{api_url}/v1/stats?group_by=carrier&order_by=-flights'",
        "... and in DuckDB, of which `connect` gives a connection with the view `flights`:",
        f"  python -c '{in_duckdb}'",
        "",
    ]


def numbers(
    flights: int,
    report: ReplayReport,
    settled_s: float,
    lake: Mapping[str, Any],
    writer: Mapping[str, Any],
    fresh: Freshness,
) -> Table:
    """What went through the system, and how fast."""
    months = lake["months"]
    rows, megabytes = sum(month["rows"] for month in months), sum(month["bytes"] for month in months) / 1e6
    rejected = writer["rejected"]
    whole = f"A year of flights: {flights:,} of New York in 2013, through the system"
    title = whole if flights == _YEAR else f"The first {flights:,} flights of New York in 2013, through the system"
    table = Table(show_header=False, title=title, title_justify="left")
    table.add_row("events published", f"{report.events:,} in {report.seconds:.0f} s ({report.messages:,} messages)")
    table.add_row("last event visible", f"{settled_s:.1f} s after the last publish")
    table.add_row("landed files", f"{writer['landed_objects']:,} ({writer['rows']:,} rows, {rejected} rejected)")
    table.add_row("month files", f"{len(months)} ({rows:,} rows, canaries included; {megabytes:.1f} MB)")
    table.add_row("snapshot", str(lake["snapshot"]))
    table.add_row("freshness", f"publish to visible: median {fresh.median_s:.1f} s, worst {fresh.worst_s:.1f} s")
    table.add_row("", f"of {fresh.samples} canaries, one a second")
    return table


_YEAR: Final = 336_776
_COMPANY: Final = re.compile(r" (Inc\.|Co\.|LLC|Corporation)$")


def by_carrier(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("Statistics by carrier: flights from New York in 2013, delays at arrival", "carrier")
    names = carriers()
    for row in rows:
        name = _COMPANY.sub("", names.get(row["carrier"], ""))
        rate = _percent(row["cancellation_rate"])
        table.add_row(f"{row['carrier']} {name}", f"{row['flights']:,}", rate, *_delays(row))
    return table


def worst_routes(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("The ten worst routes from New York in 2013, by mean arrival delay", "route, city")
    known = airports()
    for row in rows:
        to = row["route"].partition("-")[2]
        city = known[to].city if to in known else ""
        rate = _percent(row["cancellation_rate"])
        table.add_row(f"{row['route']} {city}", f"{row['flights']:,}", rate, *_delays(row))
    return table


def _table(title: str, group: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0))
    table.add_column(group, no_wrap=True, overflow="ellipsis", width=26)
    for column, width in _COLUMNS.items():
        table.add_column(column, justify="right", width=width)
    return table


_COLUMNS: Final = {
    "flights": 7,
    "cancelled %": 9,
    "on time %": 7,
    "mean min": 6,
    "median min": 6,
    "p90 min": 5,
    "worst min": 5,
}


def _delays(row: Mapping[str, Any]) -> list[str]:
    columns = ("arrival_delay_mean", "arrival_delay_p50", "arrival_delay_p90", "arrival_delay_max")
    return [_percent(row["on_time_arrival_rate"]), *(_minutes(row[column]) for column in columns)]


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}"


def _minutes(minutes: object) -> str:
    if minutes is None:
        return "-"
    return f"{minutes:.1f}" if isinstance(minutes, float) else f"{minutes:,}"
