"""From event to exact answer: real processes, real protocols, real flights, an oracle over the original CSV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from ingest_writer.__main__ import _compactor
from ingest_writer.settings import CompactorSettings
from lakehouse.store.open import open_store
from tests._support.engines.outside_duckdb import outside_duckdb
from tests._support.processes.system import System, publish_flights, system
from tests.system.integration.asked import ask_oracle, check_answers

pytestmark = pytest.mark.early

FAULTS = ("--redeliver=0.2", "--duplicate=0.2", "--reorder=0.2")


@pytest.mark.timeout(3600)  # with all flights; with a part of them, a minute or two
def test_answers_are_exact_and_equal_with_nothing_half_and_all_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flights: pl.DataFrame, seed: int, count: int
) -> None:
    with system(tmp_path, [*FAULTS, f"--seed={seed}"]) as running:
        running.start_writer("writer-1")
        publish_flights(monkeypatch, running.environment, flights.height)
        running.wait_until_settled(flights.height)

        assert running.get("/v1/lake")["snapshot"] == 0
        asked = ask_oracle(flights, count, seed)
        check_answers(running, asked)

        _merge_half(running)
        running.wait_until(lambda: running.get("/v1/lake")["snapshot"] == 1, "the first snapshot")
        assert running.get("/v1/lake")["tail"]["files"] > 0
        check_answers(running, asked)

        _run(running, "ingest_writer", "compact")
        running.wait_until(lambda: running.get("/v1/lake")["tail"]["files"] == 0, "an empty tail")
        check_answers(running, asked)
        _check_outside_readers(running, flights)
        assert " 0 problems" in _run(running, "lakehouse", "verify")


@pytest.mark.long
@pytest.mark.timeout(3600)  # with all flights; with a part of them, a minute or two
def test_two_writers_and_two_compactors_at_once_give_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flights: pl.DataFrame, seed: int, count: int
) -> None:
    with system(tmp_path, [*FAULTS, f"--seed={seed}"]) as running:
        for number in (1, 2):
            running.start_writer(f"writer-{number}")
            running.start_compactor(f"compactor-{number}", every_s=0.5)
        publish_flights(monkeypatch, running.environment, flights.height)
        running.wait_until_settled(flights.height)
        asked = ask_oracle(flights, count, seed + 1)
        check_answers(running, asked[:50])  # while redeliveries still land and compactors still race

        running.wait_until(lambda: running.get("/v1/lake")["tail"]["files"] == 0, "an empty tail")
        check_answers(running, asked)
        for name in ("writer-1", "writer-2", "compactor-1", "compactor-2"):
            assert running.processes.stop(name) == 0, running.processes.log(name).read_text()
        assert " 0 problems" in _run(running, "lakehouse", "verify")


def _merge_half(running: System) -> None:
    """One commit that takes at most half of each month's landed files."""
    store = open_store(running.environment["LAKE_URL"])
    tail_files: int = running.get("/v1/lake")["tail"]["files"]
    months: int = len(running.get("/v1/stats", [("group_by", "month")])["data"])
    settings = CompactorSettings(merge_max_files=max(1, tail_files // months // 2))
    _compactor(store, settings).compact()


def _run(running: System, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=running.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _check_outside_readers(running: System, flights: pl.DataFrame) -> None:
    """Plain DuckDB over gs://: landed files by wildcard, merged ones by the Iceberg and the Delta table."""
    connection = outside_duckdb(running.environment["STORAGE_EMULATOR_HOST"])
    row = connection.execute(
        "SELECT count(*), count(DISTINCT (flight_date, carrier, flight_number, operational_suffix, origin)) "
        "FROM 'gs://flights-lake/landing/*/*.parquet'"
    ).fetchone()
    assert row is not None
    assert row[0] >= row[1] == flights.height
    wanted = flights.group_by("carrier").len().sort("carrier").rows()
    for table in ("FROM iceberg_scan('gs://BUCKET/iceberg');", "FROM delta_scan('gs://BUCKET/flights');"):
        merged = table.replace("BUCKET", "flights-lake").rstrip(";")
        counted = connection.execute(f"SELECT carrier, count(*) {merged} GROUP BY carrier ORDER BY carrier")
        assert counted.fetchall() == wanted, table
    connection.close()
