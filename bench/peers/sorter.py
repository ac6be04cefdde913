"""One way to sort a file of rows in a process of its own: {"how", "input", "output"} in, seconds and memory out."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.machine import own_peak_mb
from ingest_writer.compaction.merge_sql import Merger
from lakehouse.table.latest_sql import SORT_KEY, quoted

_MEMORY_MB = 1024  # COMPACTOR_MEMORY_MB's default, for both


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        began = time.process_time()
        {"merger": _merge, "copy": _copy}[job["how"]](Path(job["input"]), Path(job["output"]))
        spent = time.process_time() - began
        peak_mb = own_peak_mb()
        print(json.dumps({"cpu_s": spent, "peak_mb": peak_mb}), flush=True)


def _merge(rows: Path, output: Path) -> None:
    merger = Merger(rows.parent, _MEMORY_MB, 1)  # the folder of the output, too
    merger.merge([rows], output)
    merger.close()


def _copy(rows: Path, output: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute(f"SET threads = 1; SET memory_limit = '{_MEMORY_MB}MB'; SET temp_directory = '{scratch}'")
        connection.execute(
            f"COPY (FROM read_parquet({quoted(str(rows))}) ORDER BY {SORT_KEY})"
            f" TO {quoted(str(output))} (FORMAT parquet, COMPRESSION zstd)"
        )


if __name__ == "__main__":
    main()
