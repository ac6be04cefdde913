"""What `sql` and the API export is loaded again, over the same lake and into an empty one: no answer changes."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.backfill.bulk_load import Loader
from lakehouse.client.connection import connect_store
from lakehouse.client.export import export
from lakehouse.store.memory import MemoryStore
from tests._support.api.in_process import serving
from tests._support.events.builders import ids
from tests._support.files.random_flights import flights
from tests._support.lakes.compactors import compactor, latest
from tests._support.lakes.rows import land, row
from tests._support.long_cases import long_after

FIRST = dt.datetime(2014, 6, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2014, 6, 2, tzinfo=dt.UTC)
DATES = "date_from=2013-01-01&date_to=2013-12-31"
STATS = (
    f"/v1/stats?{DATES}",
    f"/v1/stats?{DATES}&group_by=hour",
    f"/v1/stats?{DATES}&group_by=carrier,status",
    f"/v1/stats?{DATES}&group_by=route,weekday",
    f"/v1/stats?{DATES}&group_by=month&origin=HNL&origin=KTM",
)
FLIGHTS = f"/v1/flights?{DATES}&limit=1000"
_names = ids()


def fresh() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def lake(tmp_path: Path) -> MemoryStore:
    store = fresh()
    rows = sorted(flights(random.Random(7), 200), key=lambda each: each["flight_date"])
    for _, some in itertools.groupby(rows, lambda each: each["flight_date"]):
        land(store, [{k: v for k, v in each.items() if k != "remarks"} | {"publish_time": FIRST} for each in some])
    compactor(store, tmp_path / "made").compact()
    land(store, [row(number=9000, carrier="ZZ"), row(number=9001)])  # a canary, and a flight of the tail
    return store


def answers(store: MemoryStore) -> list[Any]:
    """Statistics as they are sent, and flights but for the time at which they were published."""
    with serving(store) as api:
        pages = api.rows(FLIGHTS)
        return [*(api.get(url).content for url in STATS), [{**page, "publish_time": None} for page in pages]]


def exported(store: MemoryStore, kind: str) -> bytes:
    if kind.startswith("sql"):
        out = io.BytesIO()
        now = lambda: LATER  # noqa: E731
        export(connect_store(store, now, None, None), "FROM flights", kind.partition(" ")[2], out)
        return out.getvalue()
    with serving(store) as api:
        return api.get(f"{FLIGHTS}&format={kind}").content


@pytest.mark.parametrize("kind", long_after(3, ["sql parquet", "csv", "arrow", "sql csv", "ndjson", "json", "parquet"]))
def test_an_export_that_is_loaded_again_changes_no_answer(kind: str, lake: MemoryStore, tmp_path: Path) -> None:
    before = answers(lake)
    path = tmp_path / "export"  # without a suffix: it is recognised by what it begins with
    path.write_bytes(exported(lake, kind))
    for store in (lake, fresh()):
        made = compactor(store, tmp_path / "scratch")
        report = Loader(store, made, _names, tmp_path / "scratch").load([path], LATER)
        assert (report.rejected, report.exit_code) == (0, 0)
        assert report.rows == len(before[-1])
        assert answers(store) == before
        assert sum(file.rows for file in latest(store).all_files()) >= report.rows
