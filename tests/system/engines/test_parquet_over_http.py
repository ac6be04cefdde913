"""DuckDB, Polars and httpx read a Parquet answer from the service in parts, over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
import httpx
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.store.local import LocalStore
from tests._support.api.keys import CONFIGURED, MOBILE
from tests._support.api.process import process
from tests._support.lakes.builder import LakeBuilder, event

FLIGHTS = 900
QUESTION = "/v1/flights?carrier=UA&limit=1000&format=parquet"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("lake")
    LakeBuilder(LocalStore(folder)).land(*(event(flight_number=number) for number in range(1, FLIGHTS + 1)))
    return folder.as_uri()


@pytest.fixture
def url(lake: str, tmp_path: Path) -> Iterator[str]:
    """A service; what is asked of it in parts has to have been sent in parts."""
    with process(tmp_path / "log", LAKE_URL=lake, API_QUERY_TIMEOUT_S="60") as url:
        yield url
    assert '"status": 206' in (tmp_path / "log").read_text()


def test_duckdb_reads_the_columns_that_it_needs_with_a_key(lake: str, tmp_path: Path) -> None:
    with process(tmp_path / "log", LAKE_URL=lake, API_KEYS=CONFIGURED, API_QUERY_TIMEOUT_S="60") as url:
        _read_by_duckdb(url)
    log = (tmp_path / "log").read_text()
    assert '"status": 206' in log
    assert MOBILE not in log


def _read_by_duckdb(url: str) -> None:
    extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(f"CREATE SECRET (TYPE http, BEARER_TOKEN '{MOBILE}')")
        query = f"SELECT count(*), sum(flight_number) FROM read_parquet('{url}{QUESTION}')"
        assert connection.execute(query).fetchall() == [(FLIGHTS, FLIGHTS * (FLIGHTS + 1) // 2)]


def test_polars_reads_an_answer_whole_or_some_columns(url: str) -> None:
    assert pl.read_parquet(f"{url}{QUESTION}").height == FLIGHTS
    numbers = pl.scan_parquet(f"{url}{QUESTION}").select(pl.col("flight_number").sum()).collect().item()
    assert numbers == FLIGHTS * (FLIGHTS + 1) // 2


def test_a_download_that_broke_off_goes_on_where_it_was(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        head = client.head(QUESTION)
        size, tag = int(head.headers["Content-Length"]), head.headers["ETag"]
        first = client.get(QUESTION, headers={"Range": "bytes=0-999"})
        rest = client.get(QUESTION, headers={"Range": "bytes=1000-", "If-Range": tag})
    assert [first.status_code, rest.status_code] == [206, 206]
    assert len(first.content + rest.content) == size
    assert pq.read_table(pa.BufferReader(first.content + rest.content)).num_rows == FLIGHTS
