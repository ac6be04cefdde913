"""Measure 18: rows a second of a load of the US DOT's file, against DuckDB's COPY of the CSV sorted; its memory."""

from __future__ import annotations

from pathlib import Path

from bench.asker import Asker
from bench.figure import Figure, Goal, bounded, compared
from bench.rig import Rig
from bench.rounds import interleaved
from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.on_time_file import write_csv

_MONTH = "2013-07"
_ROUNDS = 3
_PART = 4


def measure_loading(rig: Rig) -> list[Figure]:
    """A month of the whole country, made of copies of New York's flights."""
    part, month = (_csv(rig, rows) for rows in (rig.sizes.load_rows // _PART, rig.sizes.load_rows))
    sides = {how: lambda how=how: rig.sizes.load_rows / _run(rig, how, month)["cpu_s"] for how in ("load", "copy")}
    found = interleaved(sides, _ROUNDS)
    peaks = [_run(rig, "load", file)["peak_mb"] for file in (part, month)]
    what, peer = "load of the US DOT's file, one core", "DuckDB COPY of the same CSV sorted, nothing checked"
    note = f"{rig.sizes.load_rows:,} rows of one month, from the CSV until it is merged; by CPU time"
    return [
        compared("18", what, "rows/s", found["load"], peer, found["copy"], None, note),
        bounded("18", f"its peak memory, {_PART} times the rows", "MB", [peaks[1]], peaks[0], Goal(1.5), "bounded"),
    ]


def _csv(rig: Rig, rows: int) -> Path:
    path = rig.folder / f"on-time-{rows}.csv"
    flights = [flight for flight in read_flights() if flight.flight_date.startswith(_MONTH)]
    with path.open("w", encoding="ascii", newline="") as text:
        write_csv(text, flights, rows)
    return path


def _run(rig: Rig, how: str, rows: Path) -> dict[str, float]:
    """A process each: its peak is its own."""
    loader = Asker("bench.peers.on_time_loader", rig.cores.of(0))
    found: dict[str, float] = loader.ask({"how": how, "input": str(rows)})
    loader.close()
    return found
