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
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.store.memory import MemoryStore
from lakehouse.table.parquet_files import to_parquet

_EVENTS_A_FLIGHT = 3  # scheduled, departed, arrived
_BATCHES_A_COMPACTION = 60  # five minutes
_BATCH_S = 5
_DAY = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
_STATUSES = ("scheduled", "departed", "arrived")


def measure_rewriting(rig: Rig) -> list[Figure]:
    """The flights of one date, whose events arrive all day. The dates before it are at rest, and are not touched."""
    clock = [_DAY]
    rng = random.Random(1)
    ids = (f"{rng.getrandbits(128):032x}" for _ in itertools.count())
    store = MemoryStore(lambda: clock[0])
    compactor = Compactor(store, default_options(rig.folder), lambda: clock[0], lambda: next(ids))
    events, batches = _events(rig.sizes.rewriting_flights), rig.sizes.rewriting_batches
    landed = written = 0
    for number in range(batches):
        clock[0] += dt.timedelta(seconds=_BATCH_S)
        start, end = (part * events.num_rows // batches for part in (number, number + 1))
        data = to_parquet(events.slice(start, end - start))
        store.create(object_names.landed_file(_DAY.date(), next(ids)), data)
        landed += len(data)
        if number % _BATCHES_A_COMPACTION == _BATCHES_A_COMPACTION - 1:
            written += compactor.compact().written_bytes
    what = "bytes that compactors write for a byte that lands, a day of 5-second batches"
    note = f"{rig.sizes.rewriting_flights:,} flights of one date in {batches:,} batches, {written:,} bytes written"
    return [bounded("5", what, "", [written / landed], 1, Goal(20), note)]


def _events(flights: int) -> pa.Table:
    """Three events of each flight, at any moment of the day, in the order of their time."""
    rng = np.random.default_rng(1)
    count = flights * _EVENTS_A_FLIGHT
    flight = np.arange(count) // _EVENTS_A_FLIGHT
    seconds = np.sort(rng.integers(0, 86_400, (flights, _EVENTS_A_FLIGHT)), axis=1).ravel()
    time = pa.array(np.datetime64(_DAY.replace(tzinfo=None), "us") + seconds.astype("timedelta64[s]")).cast(_TIME)
    delay = pa.array(rng.integers(-15, 120, count).astype(np.int32))
    status = pa.array(np.array(_STATUSES)[np.arange(count) % _EVENTS_A_FLIGHT])
    given = {
        "flight_date": pa.array([_DAY.date()] * count),
        "carrier": pa.array(np.char.add("C", (flight % 20 + 10).astype(str))),
        "flight_number": pa.array((flight % 9_999 + 1).astype(np.int32)),
        "operational_suffix": pa.array([""] * count),
        "origin": pa.array(np.char.add("A", (flight // 9_999 + 100).astype(str))),
        "destination": pa.array(np.char.add("B", rng.integers(100, 400, count).astype(str))),
        "scheduled_departure": time,
        "scheduled_departure_hour": pa.array((flight % 24).astype(np.int8)),
        "status": status,
        "departure_delay_minutes": pc.if_else(pc.not_equal(status, "scheduled"), delay, None),
        "tail_number": pa.array(np.char.add("N", rng.integers(1_000, 9_999, count).astype(str))),
        "event_time": time,
        "publish_time": time,
        "message_id": pa.array((10**15 + rng.permutation(count)).astype(str)),
        "message_line": pa.array(np.zeros(count, np.int32)),
        "decoder_version": pa.array(np.full(count, 3, np.int32)),
    }
    columns = [given.get(field.name, pa.nulls(count)).cast(field.type) for field in EVENT_SCHEMA]
    return pa.table(columns, schema=EVENT_SCHEMA).sort_by("event_time")


_TIME = pa.timestamp("us", "UTC")
