"""Rows of the DOT that are read many at once have the values that they have one by one."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from pathlib import Path

import pytest

from ingest_writer.backfill.file_events import event_row
from ingest_writer.backfill.readers.bts.blocks import BlockReader
from ingest_writer.backfill.readers.bts.columns import Columns
from ingest_writer.backfill.readers.csv import CsvFile
from ingest_writer.backfill.readers.csv_blocks import BYTE_BY_BYTE, CsvBlock, CsvBlocks
from ingest_writer.backfill.readers.detect import open_file
from ingest_writer.backfill.readers.model import FileRow, InputFile, ReadOptions, RowBlock
from ingest_writer.decoding.event import Origin, RejectError, Row
from ingest_writer.decoding.typed import typed_events
from tests._support.events.builders import microseconds, rows_of
from tests._support.files.bts import CANCELLED, FLIGHT, custom_csv, monthly_csv
from tests._support.files.bts_mutations import consistent_row, mutated_row, odd_file
from tests._support.files.written import file_of
from tests._support.sizes import seeds

AS_OF = ReadOptions(as_of=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
ORIGIN = Origin(microseconds("2026-11-01T00:00:00Z"), "load:x", 0)


def one_by_one(file: InputFile) -> dict[int, Row]:
    """The events by the numbers of their rows; one that is rejected is not among them."""
    found: dict[int, Row] = {}
    for row in open_file(file, AS_OF).rows:
        if isinstance(row, FileRow):
            try:
                found[row.number] = event_row(row.values, ORIGIN._replace(message_line=row.number), Counter())
            except RejectError:
                continue
    return found


def at_once(file: InputFile) -> dict[int, Row]:
    """The events of those rows that are read in blocks."""
    found: dict[int, Row] = {}
    blocks = open_file(file, AS_OF).blocks
    assert blocks is not None
    for block in blocks:
        if isinstance(block, RowBlock):
            events, is_bad = typed_events(block.columns, ORIGIN._replace(message_line=block.number))
            is_left = [odd or bad for odd, bad in zip(block.is_odd.to_pylist(), is_bad.to_pylist(), strict=True)]
            each = enumerate(zip(rows_of(events), is_left, strict=True), block.number)
            found |= {number: row for number, (row, left) in each if not left}
    return found


def odd_rows(folder: Path, *rows: dict[str, str]) -> list[bool]:
    """Of each row, whether it is left to be read by itself."""
    blocks = open_file(file_of(folder / "x.csv", monthly_csv(*rows)), AS_OF).blocks
    assert blocks is not None
    [block] = blocks
    assert isinstance(block, RowBlock)
    return list(block.is_odd.to_pylist())


@pytest.mark.parametrize("seed", seeds(20))
def test_flights_around_time_changes_have_the_same_events(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    file = file_of(tmp_path / "x.csv", odd_file([consistent_row(chance) for _ in range(3_000)], chance, 0))
    expected, found = one_by_one(file), at_once(file)
    assert found == {number: expected[number] for number in found}
    assert len(found) > 2_000


@pytest.mark.parametrize("seed", seeds(20))
def test_cells_that_are_made_odd_have_the_same_events(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    rows = [mutated_row(consistent_row(chance), chance) for _ in range(3_000)]
    file = file_of(tmp_path / "x.csv", odd_file(rows, chance, 0).replace(b"\x00", b"\x01"))
    expected, found = one_by_one(file), at_once(file)
    assert found == {number: expected[number] for number in found}
    assert len(found) > 500


def test_ordinary_and_cancelled_flights_are_read_at_once(tmp_path: Path) -> None:
    assert odd_rows(tmp_path, dict(FLIGHT), dict(CANCELLED)) == [False, False]


@pytest.mark.parametrize(
    "changed",
    [
        {"Diverted": "1.00"},
        {"ArrTime": "0831"},
        {"DepTime": "0516"},
        {"CRSArrTime": "0820"},
        {"ArrDelay": "12.00", "ArrTime": ""},
        {"CRSElapsedTime": ""},
        {"ActualElapsedTime": ""},
        {"DepDelay": ""},
        {"Origin": "QQQ"},
        {"Tail_Number": "UNKNOW"},
        {"Distance": "far"},
    ],
)
def test_what_needs_a_closer_look_is_left_to_be_read_by_itself(changed: dict[str, str], tmp_path: Path) -> None:
    assert odd_rows(tmp_path, dict(FLIGHT), {**FLIGHT, **changed}) == [False, True]


@pytest.mark.parametrize(("clock", "is_odd"), [("0129", True), ("0230", True), ("0059", False), ("0300", False)])
def test_a_departure_at_a_time_change_is_left_to_be_read_by_itself(clock: str, is_odd: bool, tmp_path: Path) -> None:
    late = dict.fromkeys(("DepTime", "DepDelay", "CRSArrTime", "CRSElapsedTime"), "")
    row = {**CANCELLED, **late, "FlightDate": "2013-03-10", "CRSDepTime": clock}
    assert odd_rows(tmp_path, row) == [is_odd]


@pytest.mark.parametrize(("clock", "delay", "is_odd"), [("0145", "75.00", True), ("0059", "29.00", False)])
def test_a_clock_at_a_time_change_is_left_to_be_read_by_itself(
    clock: str, delay: str, is_odd: bool, tmp_path: Path
) -> None:
    row = {**CANCELLED, **dict.fromkeys(("CRSArrTime", "CRSElapsedTime"), ""), "FlightDate": "2013-03-10"}
    assert odd_rows(tmp_path, {**row, "CRSDepTime": "0030", "DepTime": clock, "DepDelay": delay}) == [is_odd]


def test_a_column_that_the_file_lacks_is_unknown(tmp_path: Path) -> None:
    file = file_of(tmp_path / "x.csv", custom_csv(FLIGHT, without=("Tail_Number", "AirTime")))
    table = CsvFile(file, ReadOptions(encoding=BYTE_BY_BYTE))
    found = Columns(file.name, table.header, 1)
    [block] = CsvBlocks(file, table, list(found.position.values()), 10_000)
    assert isinstance(block, CsvBlock)
    read = BlockReader(found, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)).read(block)
    assert [read.fields[name].to_pylist() for name in ("tail_number", "air_time_minutes")] == [[None], [None]]
    assert read.is_odd.to_pylist() == [False]
