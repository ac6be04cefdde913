"""Plain DuckDB reads what the local Cloud Storage has, and nothing before it is asked."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bench.duckdb_on_gcs import connect
from bench.storage_traffic import counted
from ingest_writer.landing import to_parquet
from lakehouse.store.gcs import GcsStore
from local_cloud.emulators.gcs import GcsServer


def test_a_new_connection_reads_objects_by_their_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GcsServer(buckets=("lake",), data=tmp_path) as server, counted(server.url) as traffic:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        GcsStore("lake").create("a.parquet", to_parquet(pa.table({"n": [1, 2, 3]})))
        with connect(traffic.url) as connection:
            assert traffic.paths == []
            assert connection.execute("SELECT sum(n) FROM read_parquet('gs://lake/a.parquet')").fetchall() == [(6,)]
        assert traffic.paths
