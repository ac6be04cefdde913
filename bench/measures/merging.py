"""Measure 16: rows a second and core of a compaction, against DuckDB's COPY sorted; and memory as the month grows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb

from bench.asker import Asker
from bench.figure import Figure, Goal, bounded, compared
from bench.rig import Rig
from bench.rounds import interleaved
from lakehouse.table.latest_sql import quoted

_GROWTH = 10
_ROUNDS = 3


def measure_merging(rig: Rig) -> list[Figure]:
    small, large = (_shuffled(rig, rig.sizes.merge_rows * times) for times in (1, _GROWTH))
    peaks_mb: dict[str, list[float]] = {"merger": [], "copy": []}

    def seconds(how: str) -> float:
        run = _sorted(rig, how, large)
        peaks_mb[how].append(run["peak_mb"])
        return run["cpu_s"]

    found = interleaved({how: partial(seconds, how) for how in peaks_mb}, _ROUNDS)
    peaks = [_sorted(rig, "merger", small)["peak_mb"], max(peaks_mb["merger"])]
    count = rig.sizes.merge_rows * _GROWTH
    rates = {how: [count / seconds for seconds in found[how]] for how in found}
    what, peer = "compaction, one core", "DuckDB COPY of the same rows sorted"
    note = f"{rig.sizes.merge_rows:,} and {count:,} rows, shuffled"
    return [
        compared("16", what, "rows/s", rates["merger"], peer, rates["copy"], Goal(0.7, at_least=True), note),
        bounded("16", f"its peak memory, {_GROWTH} times the rows", "MB", [peaks[1]], peaks[0], Goal(1.2), "flat"),
    ]


def _shuffled(rig: Rig, rows: int) -> Path:
    """Rows as they land, in no order: the first months of a large lake."""
    with rig.pinned(rig.cores.all):
        lake = rig.scale.lake(rig.sizes.flights, 1, rig.sizes.large_copies)
    path = rig.folder / f"shuffled-{rows}.parquet"
    files = ", ".join(quoted(str(file)) for file in lake.files)
    with duckdb.connect() as connection:
        connection.execute(
            f"SET TimeZone = 'UTC'; COPY (FROM (FROM read_parquet([{files}]) LIMIT {rows}) ORDER BY hash(message_line,"
            f" carrier, flight_number, operational_suffix)) TO {quoted(str(path))} (FORMAT parquet)"
        )
    return path


def _sorted(rig: Rig, how: str, rows: Path) -> dict[str, float]:
    """A process each: its peak is its own."""
    sorter = Asker("bench.peers.sorter", rig.cores.of(0))
    output = rig.folder / "sorted.parquet"
    found: dict[str, float] = sorter.ask({"how": how, "input": str(rows), "output": str(output)})
    sorter.close()
    output.unlink()
    return found
