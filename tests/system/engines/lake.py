"""A lake of real flights in a local folder, with the tables that other engines read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse.schema.event import PROBE_CARRIER
from lakehouse.store.local import LocalStore
from lakehouse.table.planner import Planner, utc_now
from local_cloud.flights.events import events_of
from local_cloud.flights.nycflights13 import read_flights

HIDE_EVERY = 100  # events: some of each month


@dataclass(frozen=True)
class Lake:
    """`snapshot` is the latest and `earlier` a retained one; nothing is in the tail but events that would change
    answers which looked at it.
    """

    store: LocalStore
    folder: Path
    earlier: int
    snapshot: int

    @property
    def delta(self) -> str:
        return str(self.folder / "flights")

    @property
    def iceberg(self) -> str:
        return str(self.folder / "iceberg")


def open_lake(folder: Path) -> Lake:
    """The lake that `make_lake` made there."""
    store = LocalStore(folder / "lake")
    numbers = json.loads((folder / "snapshots.json").read_text())
    return Lake(store, folder / "lake", *numbers)


def make_lake(folder: Path, every: int) -> None:
    """Loads events of every so many flights of the year by the commands that a user would call.

    With 40 or 80 they are of all months, 15 of 16 carriers and 95 of 105 airports.
    """
    flights = read_flights(every=every)
    events = list(events_of(flights))
    half = len(events) // 2
    store = LocalStore(folder / "lake")
    numbers = []
    for number, part in enumerate((events[:half], events[half:])):
        file = folder / f"{number}.ndjson"
        file.write_bytes(b"\n".join([*part, *_hidden(part)]) + b"\n")
        _load(folder, file)
        numbers.append(Planner(store, utc_now).latest_snapshot().number)
    (folder / "snapshots.json").write_text(json.dumps(numbers))


def _hidden(part: list[bytes]) -> Iterator[bytes]:
    """Events of which no answer may show anything: some of the flights are withdrawn, others are probes."""
    kept = ("flight_date", "flight_number", "origin", "destination", "scheduled_departure")
    for number, line in enumerate(part[::HIDE_EVERY]):
        event = json.loads(line)
        carrier, status = (event["carrier"], "void") if number % 2 else (PROBE_CARRIER, "scheduled")
        hidden = {"carrier": carrier, "status": status, "event_time": "2014-02-01T00:00:00Z"}
        yield json.dumps({name: event[name] for name in kept} | hidden).encode()


def _load(folder: Path, file: Path) -> None:
    (folder / "lake").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "ingest_writer", "load", str(file)],
        env={"LAKE_URL": f"file://{folder / 'lake'}", "COMPACTOR_SCRATCH_DIR": str(folder / "scratch")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
