"""Requests to storage, counted on the wire between our code and the local Cloud Storage: docs/cost.md says the same."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.model import CompactorOptions
from ingest_writer.landing import prepare, store_object
from ingest_writer.message import Message
from ingest_writer.publishing.publisher import Publisher
from lakehouse.store.gcs import GcsStore
from lakehouse.table.file_cache import FileCache
from lakehouse.table.planner import Planner
from local_cloud.emulators.gcs import GcsServer
from local_cloud.flights.events import events
from tests.repo.deploy.terraform_files import ROOT

FLIGHTS = 3000
PER_BATCH = 500
TABLE = re.compile(r"^\| (.+?) \| (\d+(?:\.\d+)?) \| (\d+(?:\.\d+)?) \|", re.M)


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


def documented() -> dict[str, tuple[float, float]]:
    text = (ROOT / "docs" / "cost.md").read_text()
    return {name: (float(a), float(b)) for name, a, b in TABLE.findall(text)}


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
    assert documented() == counted
    assert round(landed / batch_count) == 2, "a batch of real flights is two objects"


def test_dollars_are_the_requests_times_the_price() -> None:
    table = documented()
    objects, runs = 2 * 17_280, 288
    a = objects * table["a landed object"][0]
    a += runs * (table["a compactor run, fixed"][0] + table["a compactor run with news, one month"][0])
    b = objects * table["a compactor run, for each landed object"][1] + runs * table["a compactor run, fixed"][1]
    text = (ROOT / "docs" / "cost.md").read_text().replace("\n", " ")
    dollars = a * 5 / 1e6 + b * 0.4 / 1e6
    assert f"makes {objects:,} objects: {a:,.0f} class A and {b:,.0f} class B operations, {dollars:.3f} dollars" in text
    always = 86_400 * (0.000018 + 2 * 0.000002), 86_400 * (2 + 2) * 0.0000025
    assert f"2 GiB) {always[0]:.2f}; one warm API instance {always[1]:.2f}" in text
    assert f"{1e13 / 2**40 * 6.25 * 1.048576:.1f} dollars" in text  # 10 MiB a question


def options(scratch: Path) -> CompactorOptions:
    return CompactorOptions(
        scratch=scratch,
        scratch_max_bytes=1_000_000_000,
        memory_mb=256,
        threads=1,
        months_at_once=1,
        merge_max_files=5000,
        merge_max_bytes=1_000_000_000,
        commit_attempts=10,
        retention_s=86_400.0,
        file_max_bytes=64_000_000,
        moving_file_max_bytes=1_000_000,
        rest_s=172_800.0,
    )
