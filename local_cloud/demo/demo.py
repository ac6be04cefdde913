"""`demo`: the whole system on this machine, with a year of real flights.

Runs the local cloud, writer, compactor and API as processes and prints the results. In a terminal
it keeps serving until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local_cloud.demo.freshness import Canaries, Freshness
from local_cloud.demo.recompute import by_carrier, differences
from local_cloud.flights.events import count_events_of, events_of
from local_cloud.flights.nycflights13 import Flight, read_flights
from local_cloud.flights.progress import progress
from local_cloud.flights.replay import ReplayReport, replay
from local_cloud.processes.supervise import Processes, ProcessFailed, free_port, local_cloud_exports
from probe.errors import ProbeFailedError

# A million events in about a minute: half of what two cores carry with everything on them, so that freshness is
# that of a healthy system and not of a backlog.
_EVENTS_PER_S = 17_000.0
_COMPACT_EVERY_S = 5.0  # often, so that a minute shows what an hour would
_SETTLE_WITHIN_S = 180.0

_CARRIER_COLUMNS = (
    *("flights", "cancelled", "on_time_departure_rate", "on_time_arrival_rate"),
    *("departure_delay_mean", "arrival_delay_mean", "arrival_delay_p90", "arrival_delay_max"),
)
_ROUTE_COLUMNS = ("flights", "on_time_arrival_rate", "arrival_delay_mean", "arrival_delay_p50", "arrival_delay_p90")
_CURLS = (
    "/v1/stats?carrier=UA&date_from=2013-02-08&date_to=2013-02-09",
    "/v1/stats?origin=JFK&group_by=hour&order_by=-arrival_delay_p90&limit=1",
    "/v1/flights/2013-01-01-UA-1545-EWR",
)


def main(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="flights-lakehouse-") as folder:
        try:
            with Processes(Path(folder)) as processes:
                return _demo(processes, console, options)
        except (ProcessFailed, ProbeFailedError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("demo: stopped", file=sys.stderr)
            return 130


def _demo(processes: Processes, console: Console, options: argparse.Namespace) -> int:
    api_url, writer_url, topic = _start(processes, options)
    console.print(f"writer, compactor and API are running; watch at {api_url}/ what it answers")
    flights = read_flights(options.limit)
    with Canaries(topic, api_url) as canaries:
        with progress("events", count_events_of(flights)) as advance:
            report = replay(events_of(flights), topic, events_per_s=options.rate, on_published=advance)
        settled_s = _wait_until_settled(processes, api_url, len(flights))
    lake = _wait_until_merged(processes, api_url)
    writer = _get(f"{writer_url}/ready")
    _print_numbers(console, report, settled_s, lake, writer, canaries.freshness())
    wrong = _print_answers(console, api_url, flights)
    _print_curls(console, api_url)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _serve(processes, console, api_url)
    return 1 if wrong else 0


def _start(processes: Processes, options: argparse.Namespace) -> tuple[str, str, str]:
    """Starts everything; returns the URLs of API and writer, and the topic."""
    pubsub, gcs = free_port(8085), free_port(4443)
    processes.start("cloud", ["local_cloud", "up", f"--pubsub-port={pubsub}", f"--gcs-port={gcs}"], {})
    environment = local_cloud_exports(processes)
    os.environ.update(environment)
    api, writer = free_port(8080), free_port(8081)
    processes.start("writer", ["ingest_writer", "run"], {**environment, "WRITER_PORT": str(writer)})
    processes.start("compactor", ["ingest_writer", "compact", "--every", str(options.compact_every)], environment)
    processes.start("api", ["query_service"], {**environment, "PORT": str(api)})
    urls = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{writer}"
    processes.wait_until_answers("api", f"{urls[0]}/ready")
    processes.wait_until_answers("writer", f"{urls[1]}/ready")
    return *urls, environment["PUBSUB_TOPIC"]


def _wait_until_settled(processes: Processes, api_url: str, flights: int) -> float:
    """Seconds until the API shows every flight in its last state."""
    began = time.monotonic()
    while time.monotonic() < began + _SETTLE_WITHIN_S:
        processes.check()
        row = _get(f"{api_url}/v1/stats")["data"][0]
        if row["arrived"] + row["cancelled"] + row["diverted"] == flights:
            return time.monotonic() - began
        time.sleep(0.2)
    raise ProcessFailed(f"after {_SETTLE_WITHIN_S:.0f} s the API shows {row} instead of {flights} flights")


def _wait_until_merged(processes: Processes, api_url: str) -> dict[str, Any]:
    """What /v1/lake says once nothing is left in the tail."""
    deadline = time.monotonic() + _SETTLE_WITHIN_S
    while time.monotonic() < deadline:
        processes.check()
        lake: dict[str, Any] = _get(f"{api_url}/v1/lake")
        if lake["tail"]["files"] == 0:
            return lake
        time.sleep(0.5)
    raise ProcessFailed(f"after {_SETTLE_WITHIN_S:.0f} s the tail still has {lake['tail']}")


def _print_numbers(
    console: Console,
    report: ReplayReport,
    settled_s: float,
    lake: Mapping[str, Any],
    writer: Mapping[str, Any],
    fresh: Freshness,
) -> None:
    table = Table("what came of it", "", show_header=False, title="A year of flights", title_justify="left")
    table.add_row("events published", f"{report.events:,} in {report.seconds:.0f} s ({report.messages:,} messages)")
    table.add_row("last event visible", f"{settled_s:.1f} s after the last publish")
    table.add_row(
        "landed files", f"{writer['landed_objects']:,} ({writer['rows']:,} rows, {writer['rejected']} rejected)"
    )
    months = lake["months"]
    table.add_row(
        "month files",
        f"{len(months)} ({sum(m['rows'] for m in months):,} rows, canaries included; {_megabytes(months)} MB)",
    )
    table.add_row("snapshot", str(lake["snapshot"]))
    table.add_row(
        "freshness",
        f"publish to visible: median {fresh.median_s:.1f} s, worst {fresh.worst_s:.1f} s ({fresh.samples} canaries)",
    )
    console.print(table)


def _megabytes(months: Sequence[Mapping[str, Any]]) -> str:
    return f"{sum(month['bytes'] for month in months) / 1e6:.1f}"


def _print_answers(console: Console, api_url: str, flights: Sequence[Flight]) -> list[str]:
    carriers = _get(f"{api_url}/v1/stats?group_by=carrier")["data"]
    console.print(_table("Statistics by carrier", "carrier", _CARRIER_COLUMNS, carriers))
    routes = _get(f"{api_url}/v1/stats?group_by=route&order_by=-arrival_delay_mean&limit=10")["data"]
    console.print(_table("The ten worst routes by mean arrival delay", "route", _ROUTE_COLUMNS, routes))
    expected = by_carrier(flights)
    wrong = differences(expected, carriers)
    values = sum(map(len, expected))
    if wrong:
        console.print(f"[red]{len(wrong)} of {values} values differ from the original CSV:[/red]")
        console.print("\n".join(wrong[:20]))
    else:
        console.print(
            f"Calculated again from the original CSV: all {values} values by carrier are equal, to the last digit."
        )
    return wrong


def _table(title: str, group: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(group, title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(row[group], *(_cell(row[column]) for column in columns))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _print_curls(console: Console, api_url: str) -> None:
    for path in _CURLS:
        console.print(f"\n$ curl '{api_url}{path}'", highlight=False, soft_wrap=True)
        with urllib.request.urlopen(api_url + path, timeout=30.0) as answer:
            console.print(answer.read().decode(), highlight=False, markup=False, soft_wrap=True)


def _serve(processes: Processes, console: Console, api_url: str) -> None:
    console.print(f"\nDashboard: {api_url}/   API reference: {api_url}/docs   serving until Ctrl-C.", soft_wrap=True)
    try:
        while True:
            processes.check()
            time.sleep(1.0)
    except KeyboardInterrupt:
        console.print("stopping")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60.0) as answer:
        return json.load(answer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_cloud demo", description=__doc__)
    parser.add_argument("--limit", type=int, help="only the first N flights of the file (default: all)")
    parser.add_argument("--rate", type=float, default=_EVENTS_PER_S, help="events a second (default %(default)s)")
    parser.add_argument("--compact-every", type=float, default=_COMPACT_EVERY_S, help="seconds (default %(default)s)")
    return parser
