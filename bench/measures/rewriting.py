"""Measure 5 too: how many bytes compactors write for each byte that writers land, over a day of small batches."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.figure import Figure, Goal, bounded
from bench.measures.bytes import default_options
from bench.rig import Rig
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.landing import to_parquet
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.store.memory import MemoryStore

_DAY_S = 86_400
_RUN_S = 300
_RUNS = _DAY_S // _RUN_S
_BATCH_S = 5
_DAY = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
_STATUSES = ("scheduled", "departed", "arrived")
_AT_REST = range(-9, -3)
"""Dates in one file when the day begins, by their distance from it: half of the largest file."""
_TIME = pa.timestamp("us", "UTC")


def measure_rewriting(rig: Rig) -> list[Figure]:
    """A day of a lake: its flights depart and arrive, those of yesterday arrive, those of tomorrow are announced.

    Of the 288 runs of the compactor some are measured, evenly spread, with 60 batches each. Between them the events of
    a date land in one file: the lake gets as large, without 30,000 files.
    """
    lake = _Lake(rig)
    runs = rig.sizes.rewriting_runs
    landed = written = joined = 0
    for run in range(runs):
        end_s = _DAY_S * (run + 1) // runs
        lake.land(end_s - _RUN_S, end_s - _RUN_S)
        joined += lake.compact()[1]
        landed += lake.land(end_s, _BATCH_S)
        merged, more = lake.compact()
        written, joined = written + merged, joined + more
    scale = _RUNS / runs
    what = "bytes that compactors write for a byte that lands, a day of 5-second batches"
    note = (
        f"{rig.sizes.rewriting_flights:,} flights a date; {runs} of {_RUNS} runs: {landed:,} B land, {written:,} B are"
        f" written; {joined:,} B join dates at rest, in the whole day"
    )
    return [bounded("5", what, "", [(written * scale + joined) / (landed * scale)], 1, Goal(20), note)]


class _Lake:
    """Its dates before the day, and the events of the day in their order."""

    def __init__(self, rig: Rig) -> None:
        rng = random.Random(1)
        self._ids = (f"{rng.getrandbits(128):032x}" for _ in itertools.count())
        self._clock = [_DAY]
        self._store = MemoryStore(lambda: self._clock[0])
        self._compactor = Compactor(
            self._store, default_options(rig.folder), lambda: self._clock[0], lambda: next(self._ids)
        )
        flights = rig.sizes.rewriting_flights
        for dates in (_AT_REST, *([day] for day in range(_AT_REST.stop, 1))):
            for day in dates:
                self._store_events(_events(day, flights, min(day, -1) * _DAY_S, 0))
            self.compact()
        self._events = pa.concat_tables([_events(day, flights, 0, _DAY_S) for day in (-1, 0, 1)]).sort_by("event_time")
        self._at_s = self._row = 0

    def land(self, until_s: int, batch_s: int) -> int:
        """Lands the events up to that second of the day, in batches of that length; their bytes."""
        size = 0
        while self._at_s < until_s:
            self._at_s = min(self._at_s + batch_s, until_s)
            self._clock[0] = _DAY + dt.timedelta(seconds=self._at_s)
            first, self._row = self._row, self._rows_before(self._clock[0])
            batch = self._events.slice(first, self._row - first)
            for date in pc.unique(batch["flight_date"]):
                size += self._store_events(batch.filter(pc.equal(batch["flight_date"], date)))
        return size

    def compact(self) -> tuple[int, int]:
        """Runs the compactor. Bytes of new files: those of the tail's dates, and those that join dates at rest."""
        report = self._compactor.compact()
        files = self._compactor.planner.latest_snapshot().all_files()
        joined = sum(file.size for file in files if file.added_snapshot in report.commits[1:])
        return report.written_bytes - joined, joined

    def _store_events(self, events: pa.Table) -> int:
        data = to_parquet(events)
        self._store.create(object_names.landed_file(events["flight_date"][0].as_py(), next(self._ids)), data)
        return len(data)

    def _rows_before(self, moment: dt.datetime) -> int:
        times = self._events["event_time"].to_numpy()
        return int(np.searchsorted(times, np.datetime64(moment.replace(tzinfo=None), "us")))


def _events(day: int, flights: int, from_s: int, until_s: int) -> pa.Table:
    """Of the flights of a date, so far from the measured day: those in a span of seconds, counted from that day."""
    rng = np.random.default_rng(100 + day)
    number = np.arange(flights).repeat(len(_STATUSES))
    departure = rng.integers(0, _DAY_S, flights)
    stages = (departure - _DAY_S, departure, departure + rng.integers(3_600, 6 * 3_600, flights))
    seconds = np.stack(stages, axis=1).ravel() + day * _DAY_S
    there = (from_s <= seconds) & (seconds < until_s)
    number, seconds, stage = number[there], seconds[there], np.tile(np.arange(len(_STATUSES)), flights)[there]
    count = len(number)
    status = pa.array(np.array(_STATUSES)[stage])
    delay = pa.array(rng.integers(-15, 120, count).astype(np.int32))
    given = {
        "flight_date": pa.array([(_DAY + dt.timedelta(days=day)).date()] * count),
        "carrier": pa.array(np.char.add("C", (number % 20 + 10).astype(str))),
        "flight_number": pa.array((number % 9_999 + 1).astype(np.int32)),
        "operational_suffix": pa.array([""] * count),
        "origin": pa.array(np.char.add("A", (number // 9_999 + 100).astype(str))),
        "destination": pa.array(np.char.add("B", (number * 7 % 300 + 100).astype(str))),
        "scheduled_departure": _times(departure[number] + day * _DAY_S),
        "scheduled_departure_hour": pa.array((departure[number] // 3_600).astype(np.int8)),
        "status": status,
        "departure_delay_minutes": pc.if_else(pc.not_equal(status, "scheduled"), delay, None),
        "tail_number": pa.array(np.char.add("N", rng.integers(1_000, 9_999, count).astype(str))),
        "event_time": _times(seconds),
        "publish_time": _times(seconds),
        "message_id": pa.array((10**15 + rng.permutation(count)).astype(str)),
        "message_line": pa.array(np.zeros(count, np.int32)),
        "decoder_version": pa.array(np.full(count, 3, np.int32)),
    }
    columns = [given.get(field.name, pa.nulls(count)).cast(field.type) for field in EVENT_SCHEMA]
    return pa.table(columns, schema=EVENT_SCHEMA)


def _times(seconds: np.ndarray) -> pa.Array:
    """Moments that are so far from the beginning of the measured day."""
    return pa.array(np.datetime64(_DAY.replace(tzinfo=None), "us") + seconds.astype("timedelta64[s]")).cast(_TIME)
