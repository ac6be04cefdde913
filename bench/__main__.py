"""`make bench`: measures writer, freshness and a usual question; prints a table and writes JSON.

Everything runs as real processes over the local Pub/Sub and Cloud Storage, which share the machine's cores
with what is measured: the figures are a floor.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local_cloud.canary import Canaries
from local_cloud.flights import count_events_of, events_of
from local_cloud.processes import Processes, cpu_seconds, free_port, local_cloud_exports
from local_cloud.replay import replay
from local_cloud.timetable import Flight, read_flights

_QUESTION = "/v1/stats?date_from=2013-07-01&date_to=2013-07-30&group_by=carrier"
_FRESHNESS_EVENTS_PER_S = 5_000.0

Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    flights = read_flights(options.flights)
    with tempfile.TemporaryDirectory(prefix="flights-lakehouse-bench-") as folder, Processes(Path(folder)) as processes:
        figures = _measure(processes, flights, options)
    _print(figures)
    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written to {options.json}")
    return 0


def _measure(processes: Processes, flights: Sequence[Flight], options: argparse.Namespace) -> Figures:
    ports = [f"--pubsub-port={free_port()}", f"--gcs-port={free_port()}"]
    processes.start("cloud", ["local_cloud", "up", *ports], {})
    environment = local_cloud_exports(processes)
    os.environ.update(environment)
    topic, api = environment["PUBSUB_TOPIC"], free_port()
    writer_port = free_port()
    figures: Figures = {"machine": _machine()}

    replay(events_of(flights), topic)  # all of it waits in the subscription before the writer starts
    processes.start("writer", ["ingest_writer", "run"], {**environment, "WRITER_PORT": str(writer_port)})
    figures["writer"] = _measure_writer(processes, f"http://127.0.0.1:{writer_port}", count_events_of(flights))

    compaction = [*("ingest_writer", "compact", "--every", "10")]
    processes.start("compactor", compaction, environment)
    # The same question is asked again and again: answers that are kept would be all that is measured.
    processes.start("api", ["query_service"], {**environment, "PORT": str(api), "API_RESULT_CACHE_MB": "0"})
    url = f"http://127.0.0.1:{api}"
    processes.wait_until_answers("api", f"{url}/ready")
    while _get(f"{url}/v1/lake")["tail"]["files"]:
        time.sleep(0.2)
    figures["question"] = _measure_question(url, options.requests)
    figures["freshness"] = _measure_freshness(url, topic, flights, options.freshness_s)
    return figures


def _measure_writer(processes: Processes, url: str, events: int) -> Figures:
    """Wall and CPU time from the first pull until the last ack, start-up left out."""
    processes.wait_until_answers("writer", f"{url}/ready")
    ready = _get(f"{url}/ready")
    began, cpu_began, acked_rows = time.monotonic(), cpu_seconds(processes.process("writer").pid), ready["rows"]
    while (status := _get(f"{url}/ready"))["rows"] < events or status["messages"] > status["acked"]:
        processes.check()
        time.sleep(0.05)
    seconds = time.monotonic() - began
    cpu = cpu_seconds(processes.process("writer").pid) - cpu_began
    rows = status["rows"] - acked_rows
    return {
        "events": rows,
        "seconds": seconds,
        "events_per_s": rows / seconds,
        "cpu_us_per_event": cpu / rows * 1e6,
        "events_per_cpu_s": rows / cpu,
        "objects": status["landed_objects"],
    }


def _measure_question(url: str, requests: int) -> Figures:
    """Latency over HTTP, one client, one after the other; the first ten warm up."""
    taken = []
    for number in range(requests + 10):
        began = time.perf_counter()
        _get(url + _QUESTION)
        if number >= 10:
            taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return {
        "question": _QUESTION,
        "requests": requests,
        "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[(99 * len(taken) + 99) // 100 - 1],
    }


def _measure_freshness(url: str, topic: str, flights: Sequence[Flight], seconds: float) -> Figures:
    """Publish to visible by canaries, while real events are published at a steady rate."""
    count = int(_FRESHNESS_EVENTS_PER_S * seconds)
    some = [event for event, _ in zip(events_of(flights), range(count), strict=False)]
    with Canaries(topic, url, every_s=0.5) as canaries:
        replay(some, topic, events_per_s=_FRESHNESS_EVENTS_PER_S)
    fresh = canaries.freshness()
    return {
        "events_per_s": _FRESHNESS_EVENTS_PER_S,
        "canaries": fresh.samples,
        "p50_s": fresh.median_s,
        "p99_s": fresh.p99_s,
        "worst_s": fresh.worst_s,
    }


def _print(figures: Figures) -> None:
    writer, fresh, question = figures["writer"], figures["freshness"], figures["question"]
    table = Table("measure", "figure", title=f"Measured on {figures['machine']['cores']} cores", title_justify="left")
    table.add_row("writer, pull to durable and acked", f"{writer['events_per_s']:,.0f} events/s")
    table.add_row("writer, CPU an event", f"{writer['cpu_us_per_event']:.1f} µs")
    table.add_row(
        f"freshness at {fresh['events_per_s']:,.0f} events/s, publish to visible",
        f"p50 {fresh['p50_s']:.1f} s, p99 {fresh['p99_s']:.1f} s ({fresh['canaries']} canaries)",
    )
    table.add_row(
        "30 days grouped by carrier, over HTTP",
        f"p50 {question['p50_ms']:.1f} ms, p99 {question['p99_ms']:.1f} ms ({question['requests']} requests)",
    )
    Console(width=110).print(table)


def _machine() -> Figures:
    packages = ("duckdb", "pyarrow", "google-cloud-pubsub", "google-cloud-storage", "fastapi")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60.0) as answer:
        return json.load(answer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--flights", type=int, help="only the first N flights of the file (default: all)")
    parser.add_argument("--requests", type=int, default=500, help="default %(default)s")
    parser.add_argument("--freshness-s", type=float, default=60.0, help="default %(default)s")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
