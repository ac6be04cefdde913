"""Measures 4 and 5: bytes per flight, and bytes of a day of small batches."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.figure import Figure, Goal, bounded, compared
from bench.rig import Rig
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.garbage_collector import GarbageCollector
from ingest_writer.compaction.merge_sql import Merger
from ingest_writer.compaction.model import CompactorOptions
from ingest_writer.landing import prepare, store_object
from ingest_writer.message import Message
from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.table.planner import Plan
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights

_BATCHES_A_COMPACTION = 60  # ten minutes
_BUSIEST_DAYS = 18  # the events of so many real days are one day of the bench: as many as an airline hub has
_PUBLISHED_US = 1_400_000_000_000_000


def measure_bytes(rig: Rig) -> list[Figure]:
    """Month files against the same rows by pyarrow's defaults, in the order of their events."""
    lake = rig.scale.lake(rig.sizes.flights, 1)
    ours, theirs = [], []
    for file in lake.files:
        rows = pq.ParquetFile(file).read().sort_by("event_time")
        ours.append(file.stat().st_size / rows.num_rows)
        theirs.append(_plain_bytes(rows) / rows.num_rows)
    what, peer = "bytes per flight, all columns, by month", "pyarrow's write_table, defaults"
    return [compared("4", what, "B", ours, peer, theirs, Goal(0.70), f"{lake.flights:,} flights")]


def _plain_bytes(rows: pa.Table) -> int:
    out = io.BytesIO()
    pq.write_table(rows, out)
    return len(out.getvalue())


def measure_day(rig: Rig) -> list[Figure]:
    """A day of 10-second batches, compacted as it goes, against one file made of all of its rows at once."""
    rng = random.Random(1)
    ids = (f"{rng.getrandbits(128):032x}" for _ in itertools.count())
    clock = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]
    store = MemoryStore(lambda: clock[0])
    compactor = Compactor(store, default_options(rig.folder), lambda: clock[0], lambda: next(ids))
    collector = GarbageCollector(store, compactor.planner, 600.0, 16)
    landed = 0
    for number, messages in enumerate(_batches(rig)):
        clock[0] += dt.timedelta(seconds=10)
        for one in prepare(messages, lambda: next(ids)).objects:
            store_object(store, one)
            landed += 1
        if number % _BATCHES_A_COMPACTION == _BATCHES_A_COMPACTION - 1:
            compactor.compact()
            collector.collect()
    compactor.compact()
    plan = compactor.planner.plan()
    ours = sum(entry.size for entry in plan.snapshot.all_files())
    ideal = _ideal_bytes(store, plan, rig.folder)
    files = len(plan.snapshot.all_files())
    flights = sum(entry.rows for entry in plan.snapshot.all_files())
    note = f"{rig.sizes.day_batches:,} batches, {landed:,} landed files, {flights:,} flights"
    return [
        bounded("5", "a day of 10-second batches, compacted", "B", [ours], ideal, Goal(1.05), note),
        bounded("5", "files after that, tail included", "files", [files + len(plan.tail)], files, Goal(1)),
    ]


def _batches(rig: Rig) -> list[list[Message]]:
    """The events of some days, spread evenly over the batches of one."""
    limit = rig.sizes.flights or _BUSIEST_DAYS * 900
    events = list(events_of(read_flights(limit)))
    count = rig.sizes.day_batches
    return [
        [
            Message("", event, {}, f"{number:010}-{line:06}", _PUBLISHED_US + number * 10_000_000)
            for line, event in enumerate(events[number * len(events) // count : (number + 1) * len(events) // count])
        ]
        for number in range(count)
    ]


def default_options(folder: Path) -> CompactorOptions:
    """The defaults of the settings."""
    return CompactorOptions(
        scratch=folder / "compactor",
        scratch_max_bytes=4_096_000_000,
        memory_mb=1024,
        threads=2,
        months_at_once=2,
        merge_max_files=5000,
        merge_max_bytes=1_024_000_000,
        merge_max_rows=10_000_000,
        commit_attempts=100,
        retention_s=86_400.0,
        file_max_bytes=64_000_000,
        moving_file_max_bytes=1_000_000,
        rest_s=172_800.0,
    )


def _ideal_bytes(store: MemoryStore, plan: Plan, folder: Path) -> int:
    """Of the same rows, all known at once: one file per month, written in one go by the same merger."""
    total = 0
    merger = Merger(folder, 1024, 2)
    for month in plan.snapshot.month_names:
        files = [folder / f"{month}-{number}.parquet" for number, _ in enumerate(plan.snapshot.month(month).files)]
        for file, entry in zip(files, plan.snapshot.month(month).files, strict=True):
            file.write_bytes(store.read(entry.name))
        merger.merge(files, folder / f"ideal-{month}.parquet")
        total += (folder / f"ideal-{month}.parquet").stat().st_size
    merger.close()
    if any(object_names.parse_month_file(entry.name) is None for entry in plan.snapshot.all_files()):
        raise ValueError("a month file has a strange name")
    return total
