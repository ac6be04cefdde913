"""What docs/cost.md is computed from: requests counted on the wire, Terraform's settings, measured figures.

Requests are counted between our code and the local Cloud Storage, with real flights. What the page says of them, and
what others quote of the page, is checked here too.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.model import CompactorOptions
from ingest_writer.landing import prepare, store_object
from ingest_writer.message import Message
from ingest_writer.publishing.publisher import Publisher
from ingest_writer.settings import CompactorSettings
from lakehouse.store.gcs import GcsStore
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Planner
from local_cloud.emulators.gcs import GcsServer
from local_cloud.flights.events import events
from query_service.settings import Settings as ApiSettings
from tests.repo.deploy.terraform_files import MAIN, ROOT, local, named, resources
from tools.cost.figures import MONTH_BYTES, RUNS_PER_DAY, figures
from tools.cost.prices import load_prices
from tools.cost.sizes import (
    API,
    BUSY_QUESTION_S,
    CANARY,
    CANARY_WAIT_S,
    COMPACTOR,
    CONDITIONS,
    COUNTERS,
    DISTRIBUTIONS,
    FLIGHT_BYTES,
    JOB_MIN_S,
    LANDED_BYTES,
    MONTH_S,
    OBJECTS_PER_BATCH,
    REQUESTS,
    RETENTION_DAYS,
    REWRITTEN,
    SCHEDULES,
    SIZES,
    WRITER,
)

FLIGHTS = 3000
PER_BATCH = 500
PRICES = load_prices()
FIGURES = figures(PRICES)

_ids = (f"{number:032x}" for number in itertools.count())


class Wire:
    """Counts requests by what Google charges them as: class A (writes and listings), class B (reads), or nothing."""

    def __init__(self, store: GcsStore) -> None:
        self.counts: Counter[str] = Counter()
        store._client._http.hooks["response"].append(self._count)

    def _count(self, response: Any, *_: Any, **__: Any) -> None:
        method, path = response.request.method, response.request.url.partition("?")[0]
        listing = method == "GET" and path.endswith("/o")
        self.counts["A" if method == "POST" or listing else "B" if method == "GET" else "free"] += 1

    def since(self) -> Counter[str]:
        """What was counted since the last call."""
        seen, self.counts = self.counts, Counter()
        return seen


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsStore]:
    with GcsServer(0, buckets=("cost",)) as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        store = GcsStore("cost")
        yield store
        store._client.close()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def batches() -> Iterator[Message]:
    """The real flights in the order in which they were published, so many events a batch, which is one message."""
    stream = events(FLIGHTS)
    published = int(dt.datetime(2026, 11, 24, tzinfo=dt.UTC).timestamp() * 1e6)
    while lines := list(itertools.islice(stream, PER_BATCH)):
        yield Message("", b"\n".join(lines), {}, str(len(lines)), published)


def test_requests_are_those_that_the_document_counts_with(store: GcsStore, tmp_path: Path) -> None:
    wire = Wire(store)
    landed = batch_count = 0
    for batch in batches():
        batch_count += 1
        for object_ in prepare([batch], lambda: next(_ids)).objects:
            store_object(store, object_)
            landed += 1
    writing = wire.since()
    assert writing == {"A": landed}, "one request an object, nothing else"

    compactor = Compactor(store, options(tmp_path), _now, lambda: next(_ids))
    report = compactor.compact()
    Publisher(store, Planner(store, _now)).publish()
    GarbageCollector(store, compactor.planner, delete_grace_s=0.0, deletes_at_once=4).collect()
    merging = wire.since()
    assert report.absorbed_files == landed

    compactor.compact()
    Publisher(store, Planner(store, _now)).publish()
    GarbageCollector(store, compactor.planner, delete_grace_s=0.0, deletes_at_once=4).collect()
    idle = wire.since()

    planner = Planner(store, _now)
    cache = FileCache(store, tmp_path / "cache", 100_000_000)
    plan = planner.plan()
    with cache.pinned(plan.snapshot.shown_files()):
        cold = wire.since()
    plan = planner.plan()
    with cache.pinned(plan.snapshot.shown_files()):
        warm = wire.since()
    cache.close()

    for object_ in prepare([next(batches())], lambda: next(_ids)).objects:
        store_object(store, object_)
    compactor.compact()
    wire.since()
    Planner(store, _now).plan()
    first = wire.since()

    [month] = plan.snapshot.months
    assert month == "2013-01"
    counted = {
        "a landed object": (1, 0),
        "a compactor run, fixed": (idle["A"], idle["B"]),
        "a compactor run with news, one month": (merging["A"] - idle["A"], 0),
        "a compactor run, for each landed object": (0, (merging["B"] - idle["B"]) / landed),
        "the first plan of a process": (first["A"], first["B"]),
        "a refresh of the plan": (warm["A"], warm["B"]),
        "a file that an instance has not read yet": (0, cold["B"] - warm["B"] - 1),  # one is the snapshot
    }
    assert counted == REQUESTS
    assert round(landed / batch_count) == OBJECTS_PER_BATCH


def test_a_landed_object_is_as_large_as_assumed() -> None:
    least, event = LANDED_BYTES
    for count in (1, 6, 60):
        lines = list(itertools.islice(events(FLIGHTS), count))
        message = Message("", b"\n".join(lines), {}, str(count), 1_790_000_000_000_000)
        [object_] = prepare([message], lambda: next(_ids)).objects
        assert 0.9 < len(object_.data) / (least + event * count) < 1.1


def test_machines_and_schedules_are_terraforms() -> None:
    jobs, variables = local("jobs"), named(MAIN, "variable")
    api = resources(MAIN)["google_cloud_run_v2_service.api"]["template"][0]["containers"][0]["resources"][0]["limits"]
    writer = resources(MAIN)["google_cloud_run_v2_worker_pool.writer"]["template"][0]["containers"][0]
    assert writer["resources"][0]["limits"] == {"cpu": f"{WRITER.cpu}", "memory": f"{WRITER.gib}Gi"}
    assert api["cpu"] == f"{API.cpu}"
    assert f"instance_mib = optional(number, {API.gib * 1024})" in _type(variables["api_memory"])
    assert jobs["compactor"]["cpu"] == "${tostring(var.compactor_cpus)}"
    assert variables["compactor_cpus"]["default"] == COMPACTOR.cpu
    assert f"instance_mib = optional(number, {COMPACTOR.gib * 1024})" in _type(variables["compactor_memory"])
    assert (jobs["canary"]["cpu"], jobs["canary"]["memory"]) == (f"{CANARY.cpu}", f"{CANARY.gib * 1024:.0f}Mi")
    assert len(jobs) == SCHEDULES
    assert jobs["canary"]["schedule"] == "*/${var.canary_every_min} * * * *"
    defaults = ("canary_every_min", "api_min_instances", "writer_batch_max_age_s", "compactor_schedule")
    _, airport, _ = SIZES
    assert [variables[name]["default"] for name in defaults] == [
        airport.canary_every_min,
        airport.api_min_instances,
        airport.batch_age_s,
        f"*/{airport.compactor_every_min} * * * *",
    ]


def test_what_is_kept_and_watched_is_terraforms() -> None:
    retention = _type(named(MAIN, "variable")["retention"])
    assert f"messages_days = optional(number, {RETENTION_DAYS})" in retention
    assert f"deleted_days = optional(number, {RETENTION_DAYS})" in retention
    topic = resources(MAIN)["google_pubsub_topic.flights"]
    assert topic["message_retention_duration"] == "${var.retention.messages_days * 86400}s"
    assert (len(local("counter")), len(local("gauge"))) == (COUNTERS, DISTRIBUTIONS)
    burn = sum(2 + (alert["short_s"] != alert["long_s"]) for alert in local("burn").values())
    assert burn + len(local("above")) + len(local("none")) == CONDITIONS
    machine = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())["options"]["machineType"]
    assert machine.lower().replace("_", "-") in PRICES["build"].sku


def _type(variable: dict[str, Any]) -> str:
    return re.sub(" +", " ", variable["type"])


@pytest.mark.parametrize(
    ("measure", "what", "assumed", "unit"),
    [
        ("5", "bytes that compactors write for a byte that lands, a day of 5-second batches", REWRITTEN, 1),
        ("4", "bytes per flight, all columns, by month", FLIGHT_BYTES, 1),
        ("13", "publish to visible, p99", CANARY_WAIT_S, 1),
        ("6", "30 days by carrier over HTTP, p50", BUSY_QUESTION_S, 1000),
    ],
)
def test_assumptions_are_near_what_was_measured(measure: str, what: str, assumed: float, unit: float) -> None:
    published = json.loads((ROOT / "docs" / "bench.json").read_text())
    figures_ = [figure for bench in published for figure in bench["figures"]]
    medians = {f["ours"]["median"] for f in figures_ if (f["measure"], f["what"]) == (measure, what)}
    assert any(0.6 < median / (assumed * unit) < 1.4 for median in medians), medians


MONEY = {
    "writer_instances": ("{:.0f} dollars a month each", "writer", 1.0),
    "writer_batch_max_age_s": ("writes cost {:.0f} dollars a month", "batches", 1.0),
    "api_min_instances": ("{:.0f} dollars a month each", "warm", 1.0),
    "api_max_instances": ("{:.0f} dollars a month for each that is busy", "busy", 1.0),
    "compactor_cpus": ("{:.0f} dollars a month with one vCPU", "compactions", 1.0),
    "compactor_schedule": ("{:.0f} dollars a month at every five minutes", "compactions", 1.0),
    "canary_every_min": ("{:.0f} dollars a month at 1", "canary", 1.0),
    "retention": ("a million a day for a week cost {:.2f} dollars", "events retained", 30.0),
    "lake_regions": ("{:.0f} dollars a month more", "two regions", 1.0),
    "bigquery": ("A million of its questions cost {:.0f} dollars", "queries", 1.0),
}
"""Variables of Terraform that change the bill: what their descriptions say, of which figure, and how often it is."""


@pytest.mark.parametrize("variable", MONEY)
def test_a_variable_that_changes_the_bill_says_by_how_much(variable: str) -> None:
    text, figure, times = MONEY[variable]
    assert text.format(FIGURES[figure] * times) in named(MAIN, "variable")[variable]["description"]


def test_what_terraform_says_besides_is_computed_too() -> None:
    said = {name: variable["description"] for name, variable in named(MAIN, "variable").items()}
    assert f"and {FIGURES['two cores']:.0f} with two" in said["compactor_cpus"]
    assert f"{FIGURES['canary of five minutes']:.0f} at 5" in said["canary_every_min"]
    assert f"soft delete; {FIGURES['soft-deleted']:.2f} dollars for one airport" in said["retention"]
    gib_idle = PRICES["service_idle_memory"].each * MONTH_S
    gib_run = PRICES["job_memory"].each * SIZES[1].compactions * JOB_MIN_S
    assert f"each GiB of a warm instance costs {gib_idle:.2f} dollars" in said["api_memory"]
    assert f"Each GiB costs {gib_run:.2f} dollars" in said["compactor_memory"]
    kept = f"at {PRICES['pubsub_storage'].each} dollars a GiB and month"
    assert kept in (MAIN / "variables.tf").read_text()


def test_settings_that_name_money_name_what_is_computed() -> None:
    refreshes = REQUESTS["a refresh of the plan"].a * MONTH_S * PRICES["class_a"].each
    assert f"about {refreshes:.0f} dollars a month" in " ".join(
        str(ApiSettings.model_fields["plan_max_age_s"].description).split()
    )
    moving = CompactorSettings.model_fields["moving_file_max_mb"]
    cents = moving.default * 1e6 * RUNS_PER_DAY * RETENTION_DAYS / 2**30 * PRICES["storage"].each * 100
    assert f"which soft delete keeps for a week: {cents:.0f} cents." in " ".join(str(moving.description).split())
    decision = (ROOT / "docs" / "adr" / "0024-files-by-date.md").read_text(encoding="utf-8")
    rewritten = f"{MONTH_BYTES * RUNS_PER_DAY / 1e9:.0f} GB a day at {MONTH_BYTES / 1e6:.0f} MB per month"
    assert rewritten in " ".join(decision.split())


def test_what_other_pages_quote_is_what_is_computed() -> None:
    fixed, fifty = f"{FIGURES['airport fixed']:.0f}", f"{FIGURES['fifty a day']:.0f}"
    even = f"{FIGURES['even'] / 1e6:.1f}"
    quotes = {
        "../README.md": [f"{fixed} dollars a month"],
        "deploy.md": [f"[{fixed} dollars a month]", f"bring that to {FIGURES['hobby fixed']:.0f}."],
        "limits.md": [f"{even} million questions a month"],
        "brief/answers.md": [f"{even} million questions a month", f"[{fixed} dollars]", f"[{fifty} dollars a day]"],
        "brief/respuestas.md": [
            f"{even.replace('.', ',')} millones de consultas al mes",
            f"[{fixed} dólares]",
            f"[{fifty} dólares al día]",
        ],
    }
    for page, wanted in quotes.items():
        text = " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split())
        assert [quote for quote in wanted if quote not in text] == [], page


def options(scratch: Path) -> CompactorOptions:
    return CompactorOptions(
        scratch=scratch,
        scratch_max_bytes=1_000_000_000,
        memory_mb=256,
        threads=1,
        months_at_once=1,
        merge_max_files=5000,
        merge_max_bytes=1_000_000_000,
        merge_max_rows=10_000_000,
        commit_attempts=10,
        retention_s=86_400.0,
        file_max_bytes=64_000_000,
        moving_file_max_bytes=1_000_000,
        rest_s=172_800.0,
    )
