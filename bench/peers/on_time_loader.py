"""One way to make sorted Parquet of the DOT's CSV, in a process of its own: {"how", "input"} in, its costs out.

Ours decodes, checks and lands every row and merges the month. DuckDB's COPY reads the columns that we use and sorts
by the key, without checks and with the clocks as they are.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from bench.machine import own_peak_mb
from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.backfill.readers.bts.columns import USED
from ingest_writer.compaction.compactor import Compactor
from ingest_writer.compaction.model import CompactorOptions
from lakehouse.no_pandas import without_pandas
from lakehouse.store.local import LocalStore
from lakehouse.table.latest_sql import quoted

_MEMORY_MB = 1024  # COMPACTOR_MEMORY_MB's default, for both


def main() -> None:
    without_pandas()  # as the program does
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            began, began_cpu = time.monotonic(), time.process_time()
            {"load": _load, "copy": _copy}[job["how"]](Path(job["input"]), Path(folder))
            spent = {"s": time.monotonic() - began, "cpu_s": time.process_time() - began_cpu}
        peak_mb = own_peak_mb()
        print(json.dumps({**spent, "peak_mb": peak_mb}), flush=True)


def _load(rows: Path, folder: Path) -> None:
    for name in ("lake", "scratch"):
        (folder / name).mkdir()
    store = LocalStore(folder / "lake")
    compactor = Compactor(store, _options(folder / "scratch"), _now, _random_id)
    report = Loader(store, compactor, _random_id, folder / "scratch").load([rows], _now())
    if report.exit_code != 0:
        raise ValueError("\n".join(report.lines()))


def _options(scratch: Path) -> CompactorOptions:
    """The defaults of the settings, on one core."""
    return CompactorOptions(
        scratch=scratch,
        scratch_max_bytes=4_096_000_000,
        memory_mb=_MEMORY_MB,
        threads=1,
        months_at_once=1,
        merge_max_files=5000,
        merge_max_bytes=1_024_000_000,
        merge_max_rows=10_000_000,
        commit_attempts=100,
        retention_s=86_400.0,
        file_max_bytes=64_000_000,
        moving_file_max_bytes=1_000_000,
        rest_s=172_800.0,
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _random_id() -> str:
    return secrets.token_hex(16)


def _copy(rows: Path, folder: Path) -> None:
    columns = ", ".join(f'"{name}"' for name in USED)
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = 1; SET memory_limit = '{_MEMORY_MB}MB'; SET temp_directory = '{folder}'")
        connection.execute(
            f"COPY (SELECT {columns} FROM read_csv({quoted(str(rows))}, all_varchar = true)"
            f" ORDER BY FlightDate, Reporting_Airline, Flight_Number_Reporting_Airline, Origin)"
            f" TO {quoted(str(folder / 'sorted.parquet'))} (FORMAT parquet, COMPRESSION zstd)"
        )


if __name__ == "__main__":
    main()
