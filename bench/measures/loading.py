"""Measure 18: rows a second of a load of the US DOT's file, against DuckDB's COPY of the CSV sorted; its memory."""

from __future__ import annotations

from pathlib import Path

from bench.asker import Asker
from bench.figure import Figure, Goal, bounded, compared
from bench.rig import Rig
from local_cloud.flights.nycflights13 import read_flights
from local_cloud.flights.on_time_file import write_csv

_MONTH = "2013-07"
_ROUNDS = 1  # of a minute; by CPU time, which differed by a twentieth from round to round
_PART = 4


def measure_loading(rig: Rig) -> list[Figure]:
    """A month of the whole country, made of copies of New York's flights."""
    part, month = (_csv(rig, rows) for rows in (rig.sizes.load_rows // _PART, rig.sizes.load_rows))
    runs: dict[str, list[dict[str, float]]] = {"load": [], "copy": []}
    for _ in range(_ROUNDS):
        for how, found in runs.items():
            found.append(_run(rig, how, month))
    rates = {how: [rig.sizes.load_rows / each["cpu_s"] for each in found] for how, found in runs.items()}
    part_peak_mb = _run(rig, "load", part)["peak_mb"]
    peak_mb = max(each["peak_mb"] for each in runs["load"])
    what, peer = "load of the US DOT's file, one core", "DuckDB COPY of the same CSV sorted, nothing checked"
    note = f"{rig.sizes.load_rows:,} rows of one month, from the CSV until it is merged; by CPU time"
    return [
        compared("18", what, "rows/s", rates["load"], peer, rates["copy"], Goal(0.4, at_least=True), note),
        bounded("18", f"its peak memory, {_PART} times the rows", "MB", [peak_mb], part_peak_mb, Goal(1.5), "bounded"),
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
