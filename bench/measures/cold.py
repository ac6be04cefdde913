"""Measure 22: a cold instance on Cloud Storage: what its first answer fetches and takes, against DuckDB over Iceberg.

DuckDB's process is warm: it has asked for another month, so that it knows the table, and not the files of the question.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.asker import Asker
from bench.figure import Figure, Goal, Spread, bounded, compared, ratios
from bench.measures.asking import check_same
from bench.measures.starting import first_answer_s, import_s
from bench.question import Window, month_of, thirty_days
from bench.rig import Rig
from bench.scale import Lake
from bench.storage_traffic import Traffic, counted
from ingest_writer.publishing.publisher import Publisher
from lakehouse import object_names
from lakehouse.store.gcs import GcsStore
from lakehouse.table.planner import Planner, utc_now
from local_cloud.emulators.gcs import GcsServer

_BUCKET = "flights-lake"
_TABLE = f"iceberg_scan('gs://{_BUCKET}/iceberg')"
_NEEDED = ("flight_date", "carrier", "status", "departure_delay_minutes", "arrival_delay_minutes")
_TIMES = 3
"""How often DuckDB might answer meanwhile, after the start."""
_PEER = "DuckDB over Iceberg, warm process"


def measure_cold(rig: Rig) -> list[Figure]:
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
        server = rig.closing.enter_context(GcsServer(buckets=(_BUCKET,), data=rig.folder / "objects"))
        os.environ["STORAGE_EMULATOR_HOST"] = server.url
        _store(GcsStore(_BUCKET), lake)
    traffic = rig.closing.enter_context(counted(server.url))
    settings = {"LAKE_URL": f"gs://{_BUCKET}", "STORAGE_EMULATOR_HOST": traffic.url}
    window = thirty_days(lake)
    right = _right(rig, settings, window, _theirs(rig, traffic, lake, _Side()))
    ours, theirs, bounds_s = _Side(), _Side(), []
    for _ in range(rig.sizes.cold_starts):
        traffic.forget()
        ours.add(first_answer_s(rig, settings, window.path(), right), traffic)
        _theirs(rig, traffic, lake, theirs)
        bounds_s.append(import_s(rig) + _TIMES * theirs.seconds[-1])
    return _figures(lake, _needed_bytes(lake, window), ours, theirs, bounds_s)


@dataclass
class _Side:
    """What the answers of one side took."""

    seconds: list[float] = field(default_factory=list)
    bytes: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def add(self, seconds: float, traffic: Traffic) -> None:
        self.seconds.append(seconds)
        self.bytes.append(traffic.bytes)
        self.requests.append(len(traffic.paths))


def _store(store: GcsStore, lake: Lake) -> None:
    """The lake and its Iceberg table."""
    for file in lake.files:
        store.create(file.relative_to(lake.root).as_posix(), file)
    store.create(object_names.snapshot(1), lake.root / object_names.snapshot(1))
    Publisher(store, Planner(store, utc_now)).publish()


def _right(rig: Rig, settings: dict[str, str], window: Window, theirs: Any) -> bytes:
    """The answer of an instance that runs: the peer's rows. Raises ValueError."""
    api = rig.api(settings["LAKE_URL"], STORAGE_EMULATOR_HOST=settings["STORAGE_EMULATOR_HOST"])
    client = api.client()
    check_same(client, window, theirs)
    body = client.get(window.path()).body
    rig.stop(api.name)
    return body


def _theirs(rig: Rig, traffic: Traffic, lake: Lake, side: _Side) -> Any:
    """Asks a new process of the peer, after a question about another month."""
    with closing(Asker("bench.peers.iceberg_ask", rig.cores.serving)) as asker:
        asker.ask({"server": traffic.url, **month_of(lake, 0).question(_TABLE)})
        traffic.forget()
        answer = asker.ask({"server": traffic.url, **thirty_days(lake).question(_TABLE)})
        side.add(float(answer["ms"]) / 1000, traffic)
    return answer


def _needed_bytes(lake: Lake, window: Window) -> int:
    """Of the question's columns, as they are in the files of its dates."""
    return sum(_column_bytes(file) for month, file in zip(lake.months, lake.files, strict=True) if _has(window, month))


def _has(window: Window, month: str) -> bool:
    return f"{window.first:%Y-%m}" <= month <= f"{window.last:%Y-%m}"


def _column_bytes(path: Path) -> int:
    metadata = pq.ParquetFile(path).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in _NEEDED)


def _figures(lake: Lake, needed: int, ours: _Side, theirs: _Side, bounds_s: list[float]) -> list[Figure]:
    what = f"cold instance on `gs://`, 30 days of {lake.flights:,} flights"
    fetched = f"{len(_NEEDED)} columns of the month; {_PEER}: {Spread.of(theirs.bytes).median:,.0f} B"
    bound = f"importing the libraries, and {_TIMES} times {_PEER}"
    took = f"{_PEER}: {Spread.of(theirs.seconds).median * 1000:,.0f} ms"
    times = Spread.of(ours.seconds), Spread.of(bounds_s)
    return [
        bounded("22", f"{what}: bytes fetched", "B", ours.bytes, needed, Goal(1.5), fetched),
        compared("22", "its requests", "", ours.requests, _PEER, theirs.requests, None),
        Figure(
            *("22", "from the start of its process to the right answer", "s", times[0], bound, times[1]),
            *(ratios(ours.seconds, bounds_s), Goal(1), took),
        ),
    ]
