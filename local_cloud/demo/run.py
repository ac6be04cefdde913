"""What the demo does, step by step: servers, services, a year of events, and the check of the answers."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.request
from collections.abc import Sequence
from typing import Any, Final

from local_cloud.demo import printed
from local_cloud.demo.freshness import Canaries
from local_cloud.demo.ports import Ports
from local_cloud.demo.recompute import by_carrier, differences
from local_cloud.flights.events import count_events_of, events_of
from local_cloud.flights.nycflights13 import Flight, read_flights
from local_cloud.flights.progress import progress
from local_cloud.flights.replay import replay
from local_cloud.processes.supervise import Processes, ProcessFailed, local_cloud_exports

_SETTLE_WITHIN_S: Final = 180.0
_CURLS: Final = (
    "/v1/stats?carrier=UA&date_from=2013-02-08&date_to=2013-02-09",
    "/v1/stats?origin=JFK&group_by=hour&order_by=-arrival_delay_p90&limit=1",
    "/v1/flights/2013-01-01-UA-1545-EWR",
)


def run(processes: Processes, options: argparse.Namespace, ports: Ports) -> int:
    """The exit code: 1 when an answer is wrong. Raises ProcessFailed, ProbeFailedError."""
    exports = _start(processes, options, ports)
    topic, api_url = exports["PUBSUB_TOPIC"], f"http://127.0.0.1:{ports.api}"
    printed.say(*printed.how_to_ask(api_url, exports))
    printed.step("reading the flights")
    flights = read_flights(options.limit)
    events = count_events_of(flights)
    printed.step(f"publishing {events:,} status events of {len(flights):,} flights")
    with Canaries(topic, api_url) as canaries:
        with progress("events", events) as advance:
            report = replay(events_of(flights), topic, events_per_s=options.rate, on_published=advance)
        printed.step("all are published; waiting until the API shows all flights")
        settled_s = _wait_until_settled(processes, api_url, len(flights))
    printed.step("all are visible; waiting until the compactor has merged them")
    lake = _wait_until_merged(processes, api_url)
    writer = _get(f"http://127.0.0.1:{ports.writer}/ready")
    printed.say("")
    printed.tables(printed.numbers(len(flights), report, settled_s, lake, writer, canaries.freshness()))
    wrong = _print_answers(api_url, flights)
    _print_curls(api_url)
    if sys.stdin.isatty() and sys.stdout.isatty():
        printed.say("", *printed.how_to_ask(api_url, exports), "Serving until Ctrl-C.")
        _serve(processes)
    return 1 if wrong else 0


def _start(processes: Processes, options: argparse.Namespace, ports: Ports) -> dict[str, str]:
    """Starts everything; returns the settings that lead to the local cloud."""
    printed.step("starting Pub/Sub and Cloud Storage")
    scratch = {"TMPDIR": str(processes.log("cloud").parent)}  # goes with the demo, also when they are killed
    cloud = ["local_cloud", "up", f"--pubsub-port={ports.pubsub}", f"--gcs-port={ports.gcs}"]
    processes.start("cloud", cloud, scratch)
    exports = local_cloud_exports(processes)
    os.environ.update(exports)
    printed.step("starting writer, compactor and API")
    settings = {**exports, **scratch}
    writer = {"WRITER_PORT": str(ports.writer), "WRITER_HOST": "127.0.0.1"}
    processes.start("writer", ["ingest_writer", "run"], settings | writer)
    processes.start("compactor", ["ingest_writer", "compact", "--every", str(options.compact_every)], settings)
    processes.start("api", ["query_service"], settings | {"PORT": str(ports.api), "API_HOST": "127.0.0.1"})
    processes.wait_until_answers("api", f"http://127.0.0.1:{ports.api}/ready")
    processes.wait_until_answers("writer", f"http://127.0.0.1:{ports.writer}/ready")
    return exports


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


def _print_answers(api_url: str, flights: Sequence[Flight]) -> list[str]:
    carriers = _get(f"{api_url}/v1/stats?group_by=carrier")["data"]
    routes = _get(f"{api_url}/v1/stats?group_by=route&order_by=-arrival_delay_mean&limit=10")["data"]
    printed.tables(printed.by_carrier(carriers), printed.worst_routes(routes))
    expected = by_carrier(flights)
    wrong = differences(expected, carriers)
    values = sum(map(len, expected))
    if wrong:
        printed.say(f"{len(wrong)} of {values} values differ from the original CSV:", *wrong[:20])
    else:
        printed.say(
            f"Calculated again from the original CSV: all {values} values by carrier are equal, to the last digit."
        )
    return wrong


def _print_curls(api_url: str) -> None:
    for path in _CURLS:
        with urllib.request.urlopen(api_url + path, timeout=30.0) as answer:
            printed.say("", f"$ curl '{api_url}{path}'", answer.read().decode())


def _serve(processes: Processes) -> None:
    """Until a signal ends this process. Raises ProcessFailed."""
    while True:
        processes.check()
        time.sleep(1.0)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60.0) as answer:
        return json.load(answer)
