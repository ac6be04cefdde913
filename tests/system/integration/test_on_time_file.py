"""The US DOT's file, from its zip to exact answers: real processes, and an oracle over the raw file."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.on_time_file import row_of
from tests._support.files.bts import SHORT_NAMES, custom_csv, monthly_zip
from tests._support.files.on_time_flights import ZONES, random_rows
from tests._support.processes.system import System, system
from tests.system.integration.asked import ask_oracle, check_answers
from tests.system.integration.on_time_oracle import TIMES, read_raw

CLOCKS_CHANGE = ("2013-03-09", "2013-03-10", "2013-11-02", "2013-11-03")
pytestmark = pytest.mark.early


@pytest.mark.long
@pytest.mark.timeout(600)
def test_answers_after_a_load_of_the_dots_files_are_exact(tmp_path: Path, seed: int, count: int) -> None:
    # Of every fifth day, and when clocks change: each day is a file of its own until it is merged.
    flights = [
        flight
        for flight in read_flights(every=12)
        if int(flight.flight_date[-2:]) % 5 == 1 or flight.flight_date in CLOCKS_CHANGE
    ]
    zones = {**{flight.destination: flight.destination_zone for flight in flights}, **ZONES}
    zones |= dict.fromkeys(("EWR", "JFK", "LGA"), "America/New_York")
    published = monthly_zip(tmp_path / "published.zip", map(row_of, flights))
    special = tmp_path / "custom.csv"
    special.write_text(custom_csv(*random_rows(seed, 2_000)))
    with zipfile.ZipFile(published) as archive:
        archive.extract("published.csv", tmp_path)
    long_names = {short: long for long, short in SHORT_NAMES.items()}
    raw = pl.concat([read_raw(path, long_names, zones) for path in (tmp_path / "published.csv", special)])

    with system(tmp_path) as running:
        said = run(running.environment, "ingest_writer", "load", "--format", "bts", str(published), str(special))
        assert f"{raw.height:,}            0  total" in said
        running.wait_until(lambda: running.get("/v1/stats")["data"][0]["flights"] == raw.height, "all flights")
        check_answers(running, ask_oracle(raw, count, seed))
        wrong = [(got, right) for got, right in zip(served(running), expected(raw), strict=True) if got != right]
        assert wrong == []


KEY = ("flight_date", "carrier", "flight_number", "origin")
SHOWN = (*KEY, "destination", "diverted_to", "status", "tail_number", "distance_km", "air_time_minutes")


def served(running: System) -> list[dict[str, Any]]:
    """All flights that the API has, by key, with their moments."""
    return sorted(({name: _moment(name, row[name]) for name in (*SHOWN, *TIMES)} for row in _pages(running)), key=_key)


def expected(raw: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(raw.select(*SHOWN, *TIMES).to_dicts(), key=_key)


def _pages(running: System) -> Iterator[dict[str, Any]]:
    cursor: list[tuple[str, str]] = []
    while True:
        page = running.get("/v1/flights", [("limit", "1000"), *cursor])
        yield from page["data"]
        if page.get("next_cursor") is None:
            return
        cursor = [("cursor", page["next_cursor"])]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _moment(name: str, value: Any) -> Any:
    return value if name not in TIMES or value is None else dt.datetime.fromisoformat(value)


def test_the_example_of_the_readme_ends_with_an_answer(tmp_path: Path) -> None:
    environment = {"LAKE_URL": f"file://{tmp_path}/lake", "PATH": os.environ["PATH"]}
    run(environment, "local_cloud", "on-time-file", str(tmp_path / "july.zip"), "--month", "7")
    said = run(environment, "ingest_writer", "load", str(tmp_path / "july.zip"))
    assert "29,425       29,425            0  " in said
    answer = run(environment, "lakehouse", "sql", "SELECT count(*) AS n FROM flights WHERE carrier = 'UA'")
    assert answer.split()[2] == "5066"


def run(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
