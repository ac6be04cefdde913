"""Measures 13 and 15 (writes): publish to visible over HTTP at a steady rate; objects per event."""

from __future__ import annotations

import json
from contextlib import closing

from bench.figure import Figure, Goal, bounded
from bench.http import Client
from bench.rig import Rig
from bench.stream import live_events
from lakehouse.store.open import open_store
from lakehouse.table.planner import list_landing
from local_cloud.demo.freshness import Canaries
from local_cloud.flights.replay import replay
from local_cloud.processes.supervise import free_port

_EVENTS_PER_S = 5_000.0
_SLACK, _REFRESH_S = 1.2, 1.0
_OBJECTS_PER_EVENT = 1 / 10_000
_YEAR_OF_FLIGHTS = 2013


def measure_freshness(rig: Rig) -> list[Figure]:
    cloud, port = rig.cloud(), free_port()
    age_s = rig.sizes.batch_age_s
    settings = {"WRITER_PORT": str(port), "WRITER_BATCH_MAX_AGE_S": str(age_s)}
    writer = rig.start("writer", ["ingest_writer", "run"], rig.cores.serving, cloud | settings)
    rig.start("compactor", ["ingest_writer", "compact", "--every", "10"], rig.cores.serving, cloud)
    api = rig.api(cloud["LAKE_URL"], STORAGE_EMULATOR_HOST=cloud["STORAGE_EMULATOR_HOST"])
    rig.processes.wait_until_answers(writer, f"http://127.0.0.1:{port}/ready")
    events = live_events(rig.sizes.flights, int(_EVENTS_PER_S * rig.sizes.freshness_s))
    with Canaries(cloud["PUBSUB_TOPIC"], api.url, every_s=0.5) as canaries:
        report = replay(events, cloud["PUBSUB_TOPIC"], events_per_s=_EVENTS_PER_S)
    fresh = canaries.freshness()
    with closing(Client(f"http://127.0.0.1:{port}")) as client:
        landed = json.loads(client.get("/ready").body)
    note = (
        f"{report.events / report.seconds:,.0f} events/s with the cloud on the same cores; median {fresh.median_s:.1f}"
        f" s, worst {fresh.worst_s:.1f} s of {fresh.samples} canaries"
    )
    bound = _SLACK * age_s + _REFRESH_S
    objects, rows = landed["landed_objects"] - _of_canaries(cloud), landed["rows"] - fresh.samples
    return [
        bounded("13", "publish to visible, p99", "s", [fresh.p99_s], bound, Goal(1), note),
        bounded(
            "15",
            "objects per event landed",
            "",
            [objects / max(1, rows)],
            _OBJECTS_PER_EVENT,
            Goal(1),
            f"{objects} objects, {rows:,} rows, without the canaries and the objects of their date",
        ),
    ]


def _of_canaries(cloud: dict[str, str]) -> int:
    """Objects of this year's dates: the flights are those of 2013. None is collected yet, a minute after it landed."""
    landing = list_landing(open_store(cloud["LAKE_URL"]))
    return sum(file.flight_date.year != _YEAR_OF_FLIGHTS for file in landing.files)
