"""docs/analysts.md: what can be run is run, in its order, and gives what it says."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

import lakehouse
from tests._support.api.in_process import serving
from tests._support.lakes.rows import land, row
from tests.system.analysts.document import PAGE, Block, blocks, pointed_at
from tests.system.analysts.lakes import BUCKET, Lakes


class Reader:
    """Runs blocks as somebody does who reads the page from top to bottom."""

    def __init__(self, lakes: Lakes, folder: Path) -> None:
        self.names: dict[str, Any] = {}
        self.answers: list[list[tuple[Any, ...]]] = []
        self.printed: list[str] = []
        self._lakes = lakes
        self._folder = folder

    def run(self, block: Block) -> None:
        is_local = block.remark == "run on a local folder"
        bucket = self._lakes.folder.as_uri() if is_local else BUCKET
        code = pointed_at(block.code, self._lakes.server.url, bucket)
        {"python": self._python, "sql": self._sql, "sh": self._sh}[block.language](code)

    def _python(self, code: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "docs/analysts.md", "exec"), self.names)
        self.printed.append(out.getvalue())

    def _sql(self, code: str) -> None:
        connection: duckdb.DuckDBPyConnection = self.names["db" if BUCKET in code else "connection"]
        for statement in connection.extract_statements(code):
            connection.execute(statement)
            self.answers.append(connection.fetchall())

    def _sh(self, code: str) -> None:
        done = subprocess.run(
            ["bash", "-e"], input=code, cwd=self._folder, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done
        assert all(line.startswith("lakehouse: reads ") for line in done.stderr.splitlines()), done
        self.printed.append(done.stdout)


@pytest.fixture(scope="module")
def reader(lakes: Lakes, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """After all blocks."""
    folder = tmp_path_factory.mktemp("reader")
    reader = Reader(lakes, folder)
    with contextlib.chdir(folder):
        for block in blocks():
            if not block.remark.startswith("not run: "):
                reader.run(block)
    return reader


def test_every_block_is_run_or_says_why_not() -> None:
    assert {block.language for block in blocks()} == {"python", "sql", "sh"}
    assert PAGE.count("```") == 2 * len(blocks())
    remarks = [block.remark for block in blocks() if block.remark]
    kinds = [remark.partition(":")[0] for remark in remarks]
    assert set(kinds) == {"not run", "run on a local folder"}
    assert kinds.count("run on a local folder") == 3


def test_the_command_line_answers_with_the_tail_and_writes_files(reader: Reader, lakes: Lakes, tmp_path: Path) -> None:
    printed = reader.printed[0].splitlines()
    carriers = sorted({**lakes.carriers, "T1": 1}.items())
    assert [tuple(line.split()) for line in printed[2 : 2 + len(carriers)]] == [(c, str(n)) for c, n in carriers]
    assert '"origin","n"' in printed
    july = sum(row[0].month == 7 for row in _dates(reader))
    assert printed[-3:] == ["[", f'{{"flights":{july}}}', "]"]
    jfk = pq.read_table(reader._folder / "jfk.parquet")
    assert set(jfk.column("origin").to_pylist()) == {"JFK"}


def _dates(reader: Reader) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = reader.names["connection"].sql("SELECT flight_date FROM flights").fetchall()
    return rows


def test_a_connection_of_some_dates_has_those_alone(reader: Reader) -> None:
    assert {row[0].month for row in _dates(reader)} > {7}
    assert {row[0].month for row in reader.names["july"].sql("SELECT flight_date FROM flights").fetchall()} == {7}


def test_connections_see_the_tail_and_old_snapshots_do_not(reader: Reader, lakes: Lakes) -> None:
    assert dict(reader.names["by_carrier"].fetchall()) == {**lakes.carriers, "T1": 1}
    assert reader.names["changed"] is False
    first = reader.names["fixed"].sql("SELECT count(*) FROM flights WHERE carrier = 'T1'").fetchone()
    assert first == (0,)
    assert reader.names["frame"].height == sum(lakes.carriers.values()) + 1


def test_a_database_of_ones_own_is_written(reader: Reader) -> None:
    connection = reader.names["connection"]
    row_ = connection.execute(
        "SELECT count(*), min(month(flight_date)), max(month(flight_date)) FROM my.july"
    ).fetchone()
    assert row_[0] > 0
    assert row_[1:] == (7, 7)


def test_plain_duckdb_reads_the_merged_flights(reader: Reader, lakes: Lakes) -> None:
    carriers = sorted(lakes.carriers.items())
    assert reader.answers[0] == carriers
    ((number,),) = reader.answers[1]
    with lakehouse.connect(BUCKET, snapshot=number) as connection:
        assert connection.sql("SELECT carrier, count(*) FROM flights GROUP BY ALL ORDER BY ALL").fetchall() == carriers


def test_polars_delta_rs_and_pyiceberg_read_the_merged_flights(reader: Reader, lakes: Lakes) -> None:
    flights = reader.names["flights"].collect()
    assert dict(flights.group_by("carrier").len().rows()) == lakes.carriers
    assert Counter(reader.names["arrow"].column("carrier").to_pylist()) == lakes.carriers
    june = flights.filter(flights["flight_date"] < dt.date(2013, 7, 1))
    assert 0 < reader.names["june"].num_rows == june.height < flights.height


def test_the_sql_of_the_api_gives_the_api_s_numbers(reader: Reader, lakes: Lakes) -> None:
    columns = ["carrier", "flights", "cancellation_rate", "on_time_arrival_rate"]
    columns += ["arrival_delay_mean", "arrival_delay_p90"]
    with serving(lakes.bucket()) as api:
        rows = api.rows("/v1/stats?group_by=carrier")
    assert reader.answers[-1] == [tuple(row[column] for column in columns) for row in rows]


def test_what_lands_later_is_seen_after_the_refresh_of_the_page(reader: Reader, lakes: Lakes) -> None:
    """Last: it changes the lake."""
    land(lakes.bucket(), [row(carrier="T2")])
    code = next(block.code for block in blocks() if "lakehouse.refresh" in block.code)
    exec(code, reader.names)
    assert reader.names["changed"] is True
    assert dict(reader.names["by_carrier"].fetchall()) == {**lakes.carriers, "T1": 1, "T2": 1}
    assert os.environ["STORAGE_EMULATOR_HOST"] == lakes.server.url
