"""Measure 19: what an analyst's one-day count asks of Cloud Storage, by `sql` and by DuckDB over the two tables."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.duckdb_on_gcs import connect
from bench.figure import Figure, Goal, bounded
from bench.rig import Rig
from bench.scale import Lake
from bench.storage_traffic import Traffic, counted
from ingest_writer.landing import to_parquet
from ingest_writer.publishing.publisher import Publisher
from lakehouse import object_names
from lakehouse.schema.event import EVENT_SCHEMA
from lakehouse.store.gcs import GcsStore
from lakehouse.table.planner import Planner, utc_now
from lakehouse.table.snapshot import from_json, to_json
from local_cloud.emulators.gcs import GcsServer

_BUCKET = "flights-lake"
_VERSIONS = 19
"""Nine commits after a checkpoint of the Delta log: as many as a reader may have to read."""
_LANDED_FILES = 3
"""Of each of two dates: events that are older than what is merged, so that all ways count the same."""
_TABLES = {"Iceberg": ("iceberg_scan", "iceberg", 12), "Delta": ("delta_scan", "flights", 55)}
"""The function of DuckDB, the folder, and how many requests it may take."""
_NOTES = {"Iceberg": "", "Delta": f"; {_VERSIONS % 10} commits since the last checkpoint, the most there are"}


def measure_analysts(rig: Rig) -> list[Figure]:
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, rig.sizes.years, rig.sizes.large_copies)
        server = rig.closing.enter_context(GcsServer(buckets=(_BUCKET,), data=rig.folder / "objects"))
        os.environ["STORAGE_EMULATOR_HOST"] = server.url
        day = _day(lake)
        _store(GcsStore(_BUCKET), lake, day)
        traffic = rig.closing.enter_context(counted(server.url))
        figures, flights = _sql_figures(rig, traffic, lake, day)
        figures += [_table_figure(traffic, day, name, flights) for name in _TABLES]
    return figures


def _day(lake: Lake) -> dt.date:
    """The middle one of a month in the middle, which has a next one."""
    month = pq.ParquetFile(lake.files[len(lake.months) // 2]).read(columns=["flight_date"])
    days: list[dt.date] = sorted(pc.unique(month["flight_date"]).to_pylist())
    return days[len(days) // 2 - 1]


def _store(store: GcsStore, lake: Lake, day: dt.date) -> None:
    """The lake with a tail on two dates, and its tables."""
    for file in lake.files:
        store.create(file.relative_to(lake.root).as_posix(), file)
    _land(store, lake, (day, day + dt.timedelta(days=1)))
    first = from_json(object_names.snapshot(1), (lake.root / object_names.snapshot(1)).read_bytes())
    for number in range(1, _VERSIONS + 1):
        store.create(object_names.snapshot(number), to_json(replace(first, number=number)))
        Publisher(store, Planner(store, utc_now)).publish()


def _land(store: GcsStore, lake: Lake, days: tuple[dt.date, ...]) -> None:
    merged = pq.ParquetFile(lake.files[lake.months.index(f"{days[0]:%Y-%m}")]).read()
    for day in days:
        flights = merged.filter(pc.equal(merged["flight_date"], pa.scalar(day))).cast(EVENT_SCHEMA)
        for hours in range(1, _LANDED_FILES + 1):
            older = pc.subtract(flights["event_time"], dt.timedelta(hours=hours))
            landed = flights.set_column(EVENT_SCHEMA.get_field_index("event_time"), "event_time", older)
            store.create(object_names.landed_file(day, f"{hours:032x}"), to_parquet(landed.cast(EVENT_SCHEMA)))


def _sql_figures(rig: Rig, traffic: Traffic, lake: Lake, day: dt.date) -> tuple[list[Figure], int]:
    """Of two calls in one cache; and what they counted."""
    way = "`python -m lakehouse sql`"
    first = _sql(rig, traffic, day)
    months, landed = (traffic.objects_of(prefix) for prefix in (object_names.FLIGHTS, object_names.LANDING))
    note = f"{_shown(traffic)}; the lake has {lake.flights:,} flights in {len(lake.months)} files"
    tail = f"the tail of that day; the next one has {_LANDED_FILES} too"
    figures = [
        bounded("19", f"{way}: files of merged flights", "", [months], 1, Goal(1), note),
        bounded("19", f"{way}: landed files", "", [landed], 1, Goal(_LANDED_FILES), tail),
    ]
    if _sql(rig, traffic, day) != first:
        raise ValueError("the second call counts something else")
    note = f"{_shown(traffic)}, all of them listings"
    figures.append(bounded("19", f"{way}, called again: files", "", [len(traffic.objects)], 1, Goal(0), note))
    return figures, first


def _sql(rig: Rig, traffic: Traffic, day: dt.date) -> int:
    traffic.forget()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLIGHTS_")}
    settings = {"FLIGHTS_CACHE_DIR": str(rig.folder / "kept"), "STORAGE_EMULATOR_HOST": traffic.url}
    query = f"SELECT count(*) FROM flights WHERE flight_date = '{day}'"
    done = subprocess.run(
        [sys.executable, "-m", "lakehouse", "sql", "--lake", f"gs://{_BUCKET}", "--format", "csv", query],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return int(done.stdout.split()[-1])


def _table_figure(traffic: Traffic, day: dt.date, name: str, flights: int) -> Figure:
    """Plain DuckDB over one of the tables, that has not read it before."""
    function, folder, most = _TABLES[name]
    with connect(traffic.url) as connection:
        traffic.forget()
        query = f"SELECT count(*) FROM {function}('gs://{_BUCKET}/{folder}') WHERE flight_date = '{day}'"
        if connection.execute(query).fetchall() != [(flights,)]:
            raise ValueError(f"DuckDB over {name} counts something else than {flights}")
        note = f"{_shown(traffic)}{_NOTES[name]}"
    return bounded("19", f"DuckDB over {name}: requests", "", [len(traffic.paths)], 1, Goal(most), note)


def _shown(traffic: Traffic) -> str:
    return f"{len(traffic.paths)} requests, {traffic.bytes / 1000:,.0f} kB"
