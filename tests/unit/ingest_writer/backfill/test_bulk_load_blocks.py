"""Rows that are read many at once are stored, rejected and reported as they are one by one."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest_writer.backfill import bulk_load
from ingest_writer.backfill.bulk_load import Loader
from ingest_writer.backfill.limits import LoadLimits
from ingest_writer.backfill.readers import csv_blocks
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import InputFile, OpenFile, ReadError, ReadOptions, RowBlock
from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from lakehouse.table.parquet_files import read_rejected_file
from local_cloud.flights.nycflights13 import Flight, read_flights
from local_cloud.flights.on_time_file import row_of
from tests._support.events.builders import ids
from tests._support.files.bts_mutations import Row, consistent_row, mutated_row, odd_file
from tests._support.lakes.compactors import compactor, table_rows

PUBLISHED = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
Outcome = tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]] | str


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file of hundreds of rows has many blocks, and many changes between the two ways."""
    monkeypatch.setattr(csv_blocks, "_MOST_BYTES", 12_000)
    monkeypatch.setattr(csv_blocks, "_LEAST_BYTES", 2_000)


def one_by_one(file: InputFile, options: ReadOptions) -> OpenFile:
    return replace(open_file(file, options), blocks=None)


def outcome(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: Path,
    open_: Callable[[InputFile, ReadOptions], OpenFile],
    options: ReadOptions,
) -> Outcome:
    """What is stored, what is rejected and what is said; or why the file is refused."""
    monkeypatch.setattr(bulk_load, "open_file", open_)
    store = MemoryStore()
    loader = Loader(store, compactor(store, folder), ids(), folder, LoadLimits(batch_max_rows=70))
    try:
        report = loader.load([path], PUBLISHED, options)
    except ReadError as error:
        return str(error)
    rejected: list[dict[str, Any]] = []
    for number, info in enumerate(store.list(object_names.REJECTED)):
        store.download(info.name, folder / f"{number}.rejected")
        rejected += read_rejected_file(info.name, folder / f"{number}.rejected").to_pylist()
        (folder / f"{number}.rejected").unlink()
    rejected.sort(key=lambda line: line["message_line"])
    return table_rows(store), rejected, [*report.lines(), *report.months]


def check(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, options: ReadOptions = ReadOptions()) -> Outcome:  # noqa: B008
    path = folder / "on_time.csv"
    path.write_bytes(data)
    found, expected = (outcome(folder, monkeypatch, path, how, options) for how in (open_file, one_by_one))
    assert found == expected
    return found


@cache
def flights_of_a_day() -> list[Flight]:
    return [flight for flight in read_flights(month=7) if flight.flight_date == "2013-07-01"]


def rows(chance: random.Random, count: int) -> list[Row]:
    """Half of them real, the other half made, on a day of July; a third of all odd. A month is merged in no time."""
    real = [row_of(chance.choice(flights_of_a_day())) for _ in range(count // 2)]
    made = [consistent_row(chance, ["2013-07-02"]) for _ in range(count - len(real))]
    mixed = [mutated_row(row, chance) if chance.random() < 0.33 else row for row in real + made]
    chance.shuffle(mixed)
    return mixed


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(2))
def test_odd_rows_among_ordinary_ones_change_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {seed}")
    found = check(tmp_path, monkeypatch, odd_file(rows(random.Random(seed), 400), random.Random(seed), 0))
    assert not isinstance(found, str)
    stored, rejected, _ = found
    assert len(stored) > 200
    assert len(rejected) > 20


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(6))
def test_lines_that_are_no_rows_change_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    check(tmp_path, monkeypatch, odd_file(rows(chance, 120), chance, chance.choice((1, 1, 2, 5))))


@pytest.mark.parametrize("width", [csv_blocks.MOST_COLUMNS, csv_blocks.MOST_COLUMNS + 1])
def test_empty_columns_of_a_spreadsheet_change_nothing(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = odd_file(rows(random.Random(0), 20), random.Random(0), 0).splitlines()
    empty = b"," * (width - lines[0].count(b",") - 1)
    found = check(tmp_path, monkeypatch, b"".join(line + empty + b"\n" for line in lines))
    assert not isinstance(found, str)
    assert len(found[0]) > 5


def test_rows_far_ahead_of_their_publish_time_are_all_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_of = PUBLISHED + dt.timedelta(hours=24, microseconds=1)
    found = check(
        tmp_path, monkeypatch, odd_file(rows(random.Random(0), 20), random.Random(0), 0), ReadOptions(as_of=as_of)
    )
    assert not isinstance(found, str)
    assert found[0] == []


def test_real_rows_are_read_at_once(tmp_path: Path) -> None:
    flights = read_flights(2_000)
    path = tmp_path / "x.csv"
    path.write_bytes(odd_file([row_of(flight) for flight in flights], random.Random(0), 0).rstrip(b"\n") + b"\n")
    opened = open_file(InputFile("x.csv", path), ReadOptions())
    assert opened.blocks is not None
    [block] = opened.blocks
    assert isinstance(block, RowBlock)
    assert sum(block.is_odd.to_pylist()) < 100
