"""Steps of a lake's life, in a process of the code of one format or another: python -m tests.system.formats.steps

Reads steps as lines of JSON, `["land", "file:///lake", "events.ndjson"]`, and answers each with one: `{"lines": [...]}`
or `{"error": "..."}`.

land LAKE FILE       the lines of FILE as a writer lands them, in one batch
compact LAKE         what a compactor does in one run; prints the snapshot's number
ask LAKE URL...      what the API answers, a line of JSON each: status, body
flights LAKE         the view `flights` of an analyst, a line of JSON a flight
published LAKE       the same, of the Delta table, which must be of the latest snapshot
verify LAKE          the problems that `lakehouse verify` finds, a line each, then its summary
"""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

import lakehouse
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.landing import prepare, store_with_retry
from ingest_writer.message import Message
from ingest_writer.publishing.publisher import Publisher
from lakehouse.client.verify import lines, verify
from lakehouse.errors import LakeError
from lakehouse.store.open import open_store
from lakehouse.table.planner import Planner, utc_now
from tests._support.api.in_process import serving
from tests._support.lakes.compactors import options

_PUBLISHED_US = 1_400_000_000_000_000  # 2014: after all events


def random_id() -> str:
    return uuid.uuid4().hex


def take(step: str, url: str, *rest: str) -> Iterator[str]:
    store = open_store(url)
    if step == "land":
        data = Path(rest[0]).read_bytes()
        prepared = prepare([Message("", data, {}, uuid.uuid4().hex, _PUBLISHED_US)], random_id)
        assert not prepared.rejected
        for each in prepared.objects:
            store_with_retry(store, each)
    elif step == "compact":
        with tempfile.TemporaryDirectory() as scratch:
            compactor = Compactor(store, options(Path(scratch)), utc_now, random_id)
            yield str(compactor.compact().snapshot)
            Publisher(store, Planner(store, utc_now)).publish()
    elif step == "ask":
        with serving(store) as api:
            for question in rest:
                answer = api.get(question)
                yield json.dumps([answer.status_code, answer.text])
    elif step == "flights":
        yield from _rows(lakehouse.connect(url), "flights")
    elif step == "published":
        delta = DeltaTable(f"{url.removeprefix('file://')}/flights")
        assert delta.version() == Planner(store, utc_now).latest_snapshot().number
        with duckdb.connect() as database:
            database.register("flights", delta.to_pyarrow_table())
            yield from _rows(database, "flights")
    elif step == "verify":
        report = verify(store, utc_now)
        yield from (*report.problems, list(lines(report))[-1])


def _rows(database: duckdb.DuckDBPyConnection, view: str) -> Iterator[str]:
    database.execute("SET TimeZone = 'UTC'")
    found = database.execute(f"SELECT * FROM {view} ORDER BY flight_date, carrier, flight_number, origin")
    columns = [column[0] for column in found.description or ()]
    rows: list[tuple[Any, ...]] = found.fetchall()
    yield from (json.dumps(dict(zip(columns, row, strict=True)), default=str) for row in rows)


def _answer(step: Sequence[str]) -> dict[str, Any]:
    try:
        return {"lines": list(take(*step))}
    except LakeError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)
